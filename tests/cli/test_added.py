from __future__ import annotations

from dataclasses import replace

from kalm_data.cli.added import added_documents, added_labels, added_pairs, added_sts
from kalm_data.stages.import_documents import ImportDocumentsResult
from kalm_data.stages.import_labels import ImportLabelsResult
from kalm_data.stages.import_pairs import ImportPairsResult
from kalm_data.stages.import_sts import ImportStsResult

DOCUMENTS = ImportDocumentsResult("faq", 1200, 1, 2, 3, {"test": 1, "train": 1200}, 0, 0)
PAIRS = ImportPairsResult("faq", 5, 2, {"dev": 1, "train": 4}, 6, 7, 8, {}, 0, 0, 0)


def test_documents_are_counted_in_one_line() -> None:
    assert added_documents(DOCUMENTS).plain == (
        "1,200 new, 1 changed, 2 unchanged, 3 retired documents in collection faq; "
        "splits train 1,200, dev 0, test 1"
    )


def test_pairs_are_counted_in_one_line() -> None:
    line = "5 new examples (train 4, dev 1, test 0), 2 known; 6 documents"
    assert added_pairs(PAIRS).plain == line


def test_an_import_that_changed_nothing_says_so() -> None:
    again = replace(DOCUMENTS, new=0, changed=0, retired=0, splits={})
    assert added_documents(again).plain.startswith("nothing new: 0 new")
    known = replace(PAIRS, new_examples=0, documents=0, positives=0, negatives=0, splits={})
    assert added_pairs(known).plain == "nothing new: 2 known examples"


def test_labels_are_counted_in_one_line() -> None:
    labels = ImportLabelsResult(1200, 3, {"test": 200, "train": 1000}, 77, 0, 0)
    line = "1,200 new texts (train 1,000, dev 0, test 200), 3 known; 77 classes"
    assert added_labels(labels).plain == line
    again = replace(labels, new_texts=0, splits={})
    assert added_labels(again).plain == "nothing new: 3 known; 77 classes"


def test_scored_pairs_are_counted_in_one_line() -> None:
    scored = ImportStsResult(1200, 3, {"test": 200, "train": 1000}, 0, 0)
    assert added_sts(scored).plain == "1,200 new pairs (train 1,000, dev 0, test 200), 3 known"
    assert added_sts(replace(scored, new_pairs=0, splits={})).plain == "nothing new: 3 known"


def test_new_judgements_of_known_examples_are_said() -> None:
    line = added_pairs(replace(PAIRS, new_examples=0, documents=0, splits={})).plain
    assert line.endswith("0 documents; 7 positives, 8 negatives")

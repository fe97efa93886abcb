import pytest

from kalm_data.engines.language import ScriptAndLangid

DETECTOR = ScriptAndLangid()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("How do I open a compressed file and read its lines?", "en"),
        ("Wie öffne ich eine komprimierte Datei und lese ihre Zeilen?", "de"),
        ("Comment ouvrir un fichier compressé et lire ses lignes ?", "fr"),
        ("如何打开文件", "zh"),
        ("如何用Python打开gzip文件", "zh"),
        ("茶の道是什么意思呢你知道不知道呢", "zh"),
        ("圧縮ファイルを開く方法", "ja"),
        ("압축 파일을 여는 방법", "ko"),
        ("Πώς ανοίγω ένα αρχείο", "el"),
        ("איך פותחים קובץ", "he"),
    ],
)
def test_languages_are_told(text: str, language: str):
    assert DETECTOR.detect(text) == language


@pytest.mark.parametrize(
    "text",
    ["", " ", "\0", "404", "12345678901234567890123", "Wie geht es", "os.path.join",
     "concurrent.futures.ProcessPoolExecutor.submit", "0x80070005 ++ -- == !=" * 9],
)  # fmt: skip
def test_nothing_is_said_where_nothing_tells(text: str):
    assert DETECTOR.detect(text) == ""


def test_a_long_text_is_judged_by_its_beginning():
    assert DETECTOR.detect("The mouse is in the house and sleeps. " * 200_000) == "en"

import gzip
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kalm_data.core.boilerplate import find_boilerplate

SHARED = Path(__file__).parents[3] / "shared/data"

LEADERS = """
Getting started ............ 1
  Installing ............... 3
  A first session .......... 7
Reading files .............. 15
Writing files .............. 22
Errors and what they mean .. . . . . 31
Index ...................... 40
"""
CHINESE_LEADERS = """
目录
第一章 引言…………………………1
第二章 材料与方法…………………5
2.1 样品采集………………………6
2.2 数据处理………………………9
第三章 结果…………………………14
第四章 讨论…………………………21
"""
HEADED_PAGES = """
Table of Contents

Preface 2
What a lathe is 5
Choosing a tool 11
Turning soft wood 18
Turning hard wood 31
Sharpening 44
"""
SECTIONS = """
1 Introduction
1.1 Who should read on
1.2 What is left out
2 Soil
2.1 Sand
2.2 Clay
3 Water
"""
CHINESE_CHAPTERS = """
第一章 总则
第二章 申请
第三章 审查与批准
第四章 期限
第五章 附则
"""
ANCHORS = """
* [Install](#install)
* [Configure](#configure)
  * [Users](#users)
  * [Groups](#groups)
* [Upgrade](#upgrade)
"""
LINKS = """
- [Harbour office](https://harbour.example/office)
- [Tide tables](https://harbour.example/tides)
- https://harbour.example/berths
- [Fees](/fees), [Rules](/rules)
- <a href="/map">Map</a>
"""
MENU = "Home | Boats | Sails | Engines | News | About us | Contact | Sitemap | Log in"
CHINESE_MENU = "首页\n产品中心\n帆船\n发动机\n新闻中心\n关于我们\n联系我们\n网站地图\n返回顶部\n"
BSD_LIKE = """
Redistribution and use in source and binary forms are permitted, provided that the copyright
notice is kept. Neither the name of the harbour nor those of its people may be used to endorse
what is derived from this software. THIS SOFTWARE COMES WITHOUT ANY WARRANTY, not even that of
FITNESS FOR A PARTICULAR PURPOSE. In no event shall the harbour be liable for damages.
"""
CHINESE_LICENCE = """
特此免费授予任何取得本软件副本的人使用、复制、修改和分发本软件的许可，条件是所有副本都附有本许可声明。
本软件按“原样”提供，不提供任何明示或暗示的保证，包括但不限于对适销性、特定用途的适用性的保证。
无论是因合同还是侵权，作者均不承担任何责任。
"""
COOKIES = """
This website uses cookies to improve your experience. By continuing to browse you agree to them.
Accept all  Reject all  Cookie settings
"""
CHINESE_COOKIES = "本网站使用 Cookie 来改善您的浏览体验。继续浏览即表示同意。全部接受 隐私政策"


@pytest.mark.parametrize(
    ("title", "text", "kind"),
    [
        ("Lathe handbook", LEADERS, "table_of_contents"),
        ("", CHINESE_LEADERS, "table_of_contents"),
        ("", HEADED_PAGES, "table_of_contents"),
        ("Contents", SECTIONS, "table_of_contents"),
        ("目录", CHINESE_CHAPTERS, "table_of_contents"),
        ("Manual", ANCHORS, "table_of_contents"),
        ("Harbour", LINKS, "navigation"),
        ("Harbour", MENU, "navigation"),
        ("港口", CHINESE_MENU, "navigation"),
        ("", BSD_LIKE, "licence"),
        ("LICENSE", BSD_LIKE, "licence"),
        ("", CHINESE_LICENCE, "licence"),
        ("Harbour", COOKIES, "cookie_notice"),
        ("港口", CHINESE_COOKIES, "cookie_notice"),
    ],
)
def test_boilerplate_is_told_by_its_kind(title: str, text: str, kind: str):
    assert find_boilerplate(title, text) == kind


PROSE = (
    "The lathe turns the work while the tool stands still. Soft wood is cut fast, hard wood not. "
    "Whoever sharpens often has less to sand, and the finish is better for it. "
)
QUOTED_LICENCE = """
The shortest of the well-known licences begins with the words "permission is hereby granted" and
ends by telling that the work is offered without warranty of any kind. It became popular at a
university in the 1980s, and programmers like it because it fits on a screen. Companies like it
too: their lawyers have read it once and need not read it again. Studies of public repositories
find it on more than a third of all projects.
"""
PRICE_LIST = "Tea ..... 3\nCoffee ..... 2\nCake ..... 5\nSoup ..... 4\nBread ..... 1\nFish ..... 9"
FEATURES = "\n".join(f"{name} ...... x" for name in ("Undo", "Redo", "Print", "Zoom", "Grid"))
TABLE = "Alabama    5\nAlaska    7\nArizona    11\nArkansas    13\nIdaho    17\nIowa    19"
STEPS = (
    "1 Open the cover.\n2 Lift the belt.\n3 Take the old fuse out.\n4 Put the new one in.\n5 Close."
)
PACKED = "Contents\n2 tent poles\n1 sheet\n12 pegs\n1 mallet\n4 cords"
CALLS = "API calls:\n* Login\n* Logout\n* Register\n* List\n* Create\n* Update\n* Delete\n* Info"
REFERENCES = "\n".join(
    f"- [Paper {n}](https://papers.example/{n}) on how sails of kind {n} tear" for n in range(9)
)
COOKIE_ARTICLE = (
    "Since the law came into force, a banner says 'we use cookies' on nearly every page, with a "
    "large button 'accept all' and a small link to the cookie settings. " + PROSE * 8
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        PROSE,
        LEADERS + PROSE * 3 + "\n" + "\n".join(PROSE.split(". ") * 3),
        PROSE * 12 + BSD_LIKE,
        QUOTED_LICENCE,
        PRICE_LIST,
        FEATURES,
        TABLE,
        STEPS,
        PACKED,
        CALLS,
        REFERENCES,
        COOKIE_ARTICLE,
        "apple\npear\nplum\ncherry\nfig\nquince\nmedlar\nsloe\ndamson",
        "苹果\n梨\n李子\n樱桃\n无花果\n榅桲\n枸杞\n山楂\n柿子",
        "该许可证以简短著称，许多项目都采用它。它要求保留版权声明，并说明作者不作任何明示的保证。",
    ],
)
def test_what_holds_something_to_be_found_is_no_boilerplate(text: str):
    assert find_boilerplate("Lathe handbook", text) == ""


@pytest.mark.parametrize(
    "name", ["Apache-2.0", "Artistic", "BSD", "CC0-1.0", "GFDL-1.3", "GPL-2", "GPL-3", "MPL-2.0"]
)
def test_the_licences_of_this_machine_are_told(name: str):
    file = Path("/usr/share/common-licenses") / name
    if not file.exists():
        pytest.skip(f"{file} is not here")
    assert find_boilerplate("", file.read_text(encoding="utf-8", errors="replace")) == "licence"


@pytest.mark.parametrize("language", ["en", "de", "zh"])
def test_no_paragraph_of_an_encyclopedia_is_boilerplate(language: str):
    file = SHARED / "xquad" / f"{language}.jsonl.gz"
    if not file.exists():
        pytest.skip(f"{file} is not here")
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = {(row["title"], text) for row in rows for text in row["pos"]}
    assert {find_boilerplate(title, text) for title, text in texts} == {""}


@given(title=st.text(), text=st.text("a1.…-|[](# \n目录", max_size=200))
def test_any_text_gets_a_verdict(title: str, text: str):
    assert isinstance(find_boilerplate(title, text), str)


@pytest.mark.parametrize(
    "unit", ["- ", "[a](", "<a ", ". ", "x", "字", "permission is hereby granted. "]
)
def test_5_mb_of_anything_are_judged_in_linear_time(unit: str):
    started = time.process_time()
    find_boilerplate("", unit * (5_000_000 // len(unit)))
    assert time.process_time() - started < 10  # about 1 s on an idle machine

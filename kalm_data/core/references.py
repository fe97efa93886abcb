"""Finds words by which a query speaks of a text that a searcher does not have before them.

Exact phrases, language by language; an expression is left out where it also has an innocent
reading ("find a word in the text", 文本文件 "text file" holds 本文 "this text").
"""

import re

_ENGLISH = r"""
\b(?:
    (?:this|these|the\ (?:above|below|following|given|provided|present|preceding|previous))
    \ (?:text|passage|excerpt|document|article|paragraph|section|snippet|chapter|extract
       |description)s?
  | the\ (?:text|passage|excerpt|document|article|paragraph|snippet|extract)s?
    \ (?:above|below|provided|given|says?|states?|mentions?|describes?|discusses)
  | (?:according\ to|based\ on|(?:mentioned|described|stated|discussed|given)\ in)
    \ the\ (?:text|passage|excerpt|article|document|paragraph|section|snippet|extract)
  | (?:in|from|by)\ the\ (?:passage|excerpt|snippet)
  | (?:mentioned|described|stated|quoted|listed|shown|given|see)\ (?:above|below)
)\b"""

_GERMAN = r"""
\b(?:
    (?:diese[mnrs]?|(?:obige|vorliegende)[nrms]?
     |(?:de[mnrs]|das|die|im|am)\ (?:folgende|genannte|gegebene)[nrms]?)
    \ (?:texte?[ns]?|abschnitte?[ns]?|abs[aä]tz\w*|artikels?|dokumente?[ns]?|passagen?|auszugs?
       |textstellen?|beschreibung|kapitels?)
  | (?:laut|gemäß)\ (?:dem\ |diesem\ )?(?:text|artikel|absatz|abschnitt|auszug|dokument)
  | (?:im|aus\ dem|in\ dem)\ (?:auszug|textauszug|textabschnitt)
  | (?:oben|unten|vor|nach)[ -]?(?:genannt|erwähnt|beschrieben|stehend)(?:e[mnrs]?)?
)\b"""

_FRENCH = r"""
\b(?:
    (?:cet?|cette|les?|la)\ (?:texte|passage|extrait|article|paragraphe|document)
    \ (?:ci-dessus|ci-dessous|précédente?|suivante?)
  | (?:selon|d['’]après)\ (?:cet?|le|l['’])\ ?(?:texte|passage|extrait|article|document)
)\b"""

_SPANISH = r"""
\b(?:
    (?:este|el|del|al)\ (?:texto|pasaje|extracto|artículo|párrafo|documento)
    \ (?:anterior|siguiente|dado|citado)
  | según\ (?:este|el)\ (?:texto|pasaje|extracto|artículo|párrafo|documento)
)\b"""

_HAN = "[\u3400-\u4dbf\u4e00-\u9fff]"
_CHINESE = rf"""
    (?<!{_HAN})(?:上文|下文|前文|本文|文中)(?![件化档檔章本字献獻学學明])
  | (?:根据|根據|依据|依據|按照|[据據在从從如见見])
    (?:上文|下文|前文|本文)(?![件化档檔章本字献獻学學明])
  | (?:上文|下文|前文|本文)(?:中|里|裡|所述|所示|提到|提及|描述|介绍|介紹|作者|认为|認為)
  | 上述|前述|[该該]文(?![本件档檔])|如上所[述示]
  | 以上(?:内容|內容|文本|文字|段落|文章)
  | (?:根据|根據|依据|依據|按照)
    (?:文章|文本|文档|文檔|段落|材料|短文)(?=内容|內容|中|里|裡|所|的内容|的內容|可知|[，,。？?]|$)
  | [这這该該此]一?(?:段|篇|个|個|份)?
    (?:文章|文本|文档|文檔|段落|文字|短文|节选|節選|材料)(?!文件|框|编辑|編輯)
  | (?<!{_HAN})本(?:段|篇|文档|文檔|章|节|節)"""

_JAPANESE = r"""
    (?:上|上記|次|以下)の(?:文章|テキスト|段落|記事|本文)
  | この(?:文章|テキスト|段落|記事|本文)|本文(?:中|によると)"""

_REFERENCE = re.compile(
    "|".join((_ENGLISH, _GERMAN, _FRENCH, _SPANISH, _CHINESE, _JAPANESE)),
    re.IGNORECASE | re.VERBOSE,
)


def find_reference(query: str) -> str:
    """The first such expression, with white space collapsed; empty where there is none."""
    found = _REFERENCE.search(" ".join(query.split()))
    return found.group() if found else ""

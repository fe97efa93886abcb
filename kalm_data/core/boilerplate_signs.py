"""What contents pages, menus, licences and cookie notices are told by, language by language."""

import re

CONTENTS_HEADING = re.compile(
    r"(?:table of )?contents|inhalt(?:sverzeichnis|sübersicht)|table des matières|sommaire"
    r"|índice(?: general)?|tabla de contenidos?|目\s*[录錄次]|もくじ"
)
"""Matches the whole of a normalised heading."""

LEADER_TO_PAGE = re.compile(
    r"[^\s.…·_](?:\s?\.{4,}|\s?(?:\.\s){3,}|\s?…{2,}|\s?·{4,}|\s?_{4,})[\s.]*(?:\d{1,4}|[ivxlc]{1,7})$"
)
PAGE = re.compile(r"(?<![\d.,])(\d{1,4})$")
SECTION = re.compile(r"(\d{1,3}(?:\.\d{1,3})*)[.)、]?\s")
CHAPTER = re.compile(
    r"第[\d一二三四五六七八九十百]+[章节節篇部]|[一二三四五六七八九十]+、|(?:chapter|part|appendix|kapitel|chapitre)\s",
    re.IGNORECASE,
)

SENTENCE_END = re.compile(r"[.!?;:,。！？；：，]['\"”’)）]?$")
LINK = re.compile(
    r"\[[^\[\]\n]{1,200}\]\([^()\s]{0,500}\)|\[\[[^\[\]\n]{1,200}\]\]|<?https?://[^\s<>]+>?"
    r"|<a\s[^<>]{0,500}>[^<>]{0,200}</a>",
    re.IGNORECASE,
)
ANCHOR_LINK = re.compile(r"\]\(#|href=[\"']?#", re.IGNORECASE)
SEPARATORS = " \t-*+•|·»›/,;"
NUMBER = re.compile(r"(?:\d{1,3}[.)])?")
"""All that stands on a line of links beside them: separators, and the number of a list."""

ITEM_BORDER = re.compile(r"\n|[|»›•]|\s[·>/*-]\s")
"""Between the items of a menu, one a line or many in a row."""

MENU_ITEMS = frozenset(
    """
home,homepage,home page,main page,about,about us,contact,contact us,site map,sitemap,login,log in
logout,log out,sign in,sign up,sign out,register,subscribe,menu,main menu,search,help,faq,careers
imprint,privacy,privacy policy,terms,terms of use,terms of service,terms and conditions
cookie policy,cookie settings,legal notice,skip to content,skip to main content,back to top
next page,previous page,my account,cart,shopping cart,checkout,wishlist,newsletter,read more
facebook,twitter,instagram,linkedin,youtube,rss,blog,news,support,products,services,downloads
startseite,über uns,kontakt,impressum,datenschutz,agb,anmelden,abmelden,suche,hilfe,warenkorb
nach oben,accueil,contactez-nous,mentions légales,plan du site,connexion,inicio,aviso legal,contacto
首页,主页,首頁,网站首页,关于我们,關於我們,联系我们,聯絡我們,联系方式,登录,登入,登錄,注册,註冊,退出
网站地图,網站地圖,隐私政策,隱私政策,使用条款,服务条款,免责声明,帮助中心,常见问题,搜索,返回顶部,回到顶部
上一页,下一页,上一篇,下一篇,购物车,我的账户,我的订单,友情链接,新闻中心,产品中心,加入我们,人才招聘,收藏本站
ホーム,お問い合わせ,会社概要,サイトマップ,ログイン
""".replace("\n", ",")
    .strip(",")
    .split(",")
)

LICENCE_TITLE = re.compile(r"(?:un)?licen[sc]e|copying|copyright|lizenz|许可证|许可协议|授权协议")
"""Matches the whole of a normalised title."""

LICENCE_FORMULAS = tuple(
    """
permission is hereby granted
permission to use, copy, modify
to deal in the software without restriction
without warranty of any kind
without any warranty
without even the implied warranty
warranties or conditions of any kind
fitness for a particular purpose
in no event shall
in no event will
shall not be liable
redistribution and use in source and binary forms
redistributions of source code must retain
redistributions in binary form must reproduce
neither the name of
you can redistribute it and/or modify
terms and conditions for copying, distribution and modification
terms and conditions for use, reproduction, and distribution
everyone is permitted to copy and distribute verbatim copies
the above copyright notice and this permission notice
of this license document, but changing it is not allowed
on an "as is"
on an "as-is" basis
is provided "as is"
without any express or implied warranties
express, implied, statutory
royalty-free, non-exclusive
royalty-free, non transferable
may make and give away verbatim copies
permitted by, but not in contravention of
under the terms of this license
by exercising the licensed rights
subject to the terms and conditions of this licen
subject to the terms of this licen
ohne jede gewährleistung
sans aucune garantie
sin ninguna garantía
特此免费授予
特此授权
特此授予
不提供任何形式的保证
不提供任何明示
不作任何明示
不附带任何明示
明示或暗示的保证
明示或暗示的担保
明示或默示的保证
明示或默示的担保
适销性
特定目的的适用性
特定用途的适用性
均不承担任何责任
概不承担任何责任
不对任何索赔
源代码和二进制形式
版权声明和本许可声明
""".strip().split("\n")
)
"""What lawyers write and hardly anybody else does, normalised."""

LEGAL_WORD = re.compile(
    r"\b(?:(?:sub)?licen[sc]\w*|warrant\w*|copyright\w*|copyleft\w*|(?:re)?distribut\w*|liab\w*"
    r"|permission|permit\w*|infring\w*|patents?|disclaim\w*|merchantab\w*|indemn\w*|damages"
    r"|gewährleistung|haftung|garantie|derivative|covered work|contributors?|legal"
    r"|(?:the|this|such|your) (?:software|program|library|document|work))\b"
    r"|许可|授权|授予|版权|著作权|担保|保证|责任|索赔|分发|侵权|专利|衍生|免责|本软件|本协议|声明"
)
LEGAL_BORDER = re.compile(r"[.;:]\s|[。；：]|\n\s*\n")

COOKIE_SIGNS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\b(?:we|this (?:web)?site|our (?:web)?site|wir|diese (?:web)?seite)"
        r" (?:and our partners |also )?(?:uses?|verwende[nt]|nutz(?:en|t)) (?:\w+ ){0,2}cookies\b"
        r"|(?:我们|本网站|本站|此网站)(?:会)?使用\s?cookies?",
        r"\b(?:accept|allow|reject|decline) (?:all|cookies)\b|\balle akzeptieren\b"
        r"|接受(?:所有|全部)|全部(?:接受|拒绝)|拒绝(?:所有|全部)",
        r"\b(?:cookie|privacy) (?:settings|preferences|policy|notice)\b|\bmanage cookies\b"
        r"|cookies?\s?(?:设置|政策|偏好)|隐私(?:政策|设置)|\bdatenschutzerklärung\b",
        r"\bby (?:continuing|using|clicking|browsing)\b"
        r"|继续(?:使用|浏览|访问)|点击[“\"]?(?:接受|同意)",
        r"\b(?:improve|enhance|personali[sz]e) (?:your|the user) (?:\w+ )?experience\b"
        r"|(?:改善|提升|优化)(?:您|你)的?\S{0,4}体验",
    )
)
"""Kinds of phrases of a cookie notice, normalised; three kinds make one."""

"""Names of languages, as prompts in English and Chinese write them."""

_NAMES = {
    "ar": ("Arabic", "阿拉伯语"), "bg": ("Bulgarian", "保加利亚语"), "bn": ("Bengali", "孟加拉语"),
    "cs": ("Czech", "捷克语"), "da": ("Danish", "丹麦语"), "de": ("German", "德语"),
    "el": ("Greek", "希腊语"), "en": ("English", "英语"), "es": ("Spanish", "西班牙语"),
    "fa": ("Persian", "波斯语"), "fi": ("Finnish", "芬兰语"), "fr": ("French", "法语"),
    "he": ("Hebrew", "希伯来语"), "hi": ("Hindi", "印地语"), "hu": ("Hungarian", "匈牙利语"),
    "id": ("Indonesian", "印度尼西亚语"), "it": ("Italian", "意大利语"), "ja": ("Japanese", "日语"),
    "ko": ("Korean", "韩语"), "ms": ("Malay", "马来语"), "nl": ("Dutch", "荷兰语"),
    "no": ("Norwegian", "挪威语"), "pl": ("Polish", "波兰语"), "pt": ("Portuguese", "葡萄牙语"),
    "ro": ("Romanian", "罗马尼亚语"), "ru": ("Russian", "俄语"), "sv": ("Swedish", "瑞典语"),
    "sw": ("Swahili", "斯瓦希里语"), "th": ("Thai", "泰语"), "tr": ("Turkish", "土耳其语"),
    "uk": ("Ukrainian", "乌克兰语"), "ur": ("Urdu", "乌尔都语"), "vi": ("Vietnamese", "越南语"),
    "zh": ("Chinese", "中文"),
}  # fmt: skip


PROMPT_LANGUAGES = ("en", "zh")


def language_name(code: str, prompt_language: str) -> str:
    """The name of an ISO 639-1 code in the language of a prompt; a rare one is named by its code.

    Without a code it is the language of the document.
    """
    if not code:
        return "文档所用的语言" if prompt_language == "zh" else "the language of the document"
    english, chinese = _NAMES.get(code, (code, code))
    return chinese if prompt_language == "zh" else english


def prompt_language(code: str) -> str:
    """The language of the prompts that serve a text, English or Chinese."""
    return "zh" if code == "zh" else "en"

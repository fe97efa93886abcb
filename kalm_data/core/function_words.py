"""Words that belong to a language rather than to a topic: between them stand the phrases of a text.

Short lists written for this project. A language without one has its words told apart by length
and case alone, which gives longer phrases, not wrong ones.
"""

import re

_ENGLISH = """
a about above across after again against all almost along already also although always am among an
and another any anyone anything are aren't around as at be became because become been before being
below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't
done down during each either else enough etc even ever every everything few for from further get
gets given gives got had has hasn't have having he her here hers him his how however i if in
instead into is isn't it its itself just kind last least less let like likely made make makes
making many may maybe me mean means might more most much must my need needed needs neither never
no none nor not nothing now of off often on once one ones only onto or other others otherwise our
out over own per perhaps possible quite rather really same say says see seen several shall she
should shouldn't similar since so some someone something soon sort still such take taken takes
than that that's the their them themselves then there therefore these they thing things this those
though through thus to together too toward towards two under unless until up upon us use used
useful uses using usually various very via want wants was way ways we well were what whatever when
where whether which while who whole whom whose why will with within without won't would wouldn't
yes yet you your
"""

_GERMAN = """
ab aber alle allem allen aller alles als also am an ander andere anderen anderer anderes auch auf
aus bei beim bereits bis bzw da dabei dadurch dafür daher damit danach dann daran darauf daraus
darf darin das dass davon dazu dein deine dem den denen denn der deren des dessen deshalb die dies
diese diesem diesen dieser dieses doch dort du durch dürfen ebenso eher eigenen ein eine einem
einen einer eines einige einigen einmal er erst es etwa etwas euch eure falls für gegen gegenüber
gibt habe haben hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer im
immer in indem ins ist ja jede jedem jeden jeder jedes jedoch kann kein keine keinen keiner können
könnte man manche mehr mein meine meist mich mir mit muss müssen nach nachdem nicht nichts noch
nun nur ob oder oft ohne schon sehr sein seine seinem seinen seiner seit sich sie sind so sobald
sodass solche solchen soll sollen sollte sondern sonst sowie sowohl statt über um und uns unser
unter viel viele vielen vom von vor während war waren was weder wegen weil weitere weiteren welche
welchem welchen welcher wenig weniger wenn wer werden wie wieder will wir wird wo wobei worden
wurde wurden zu zum zur zwischen
"""

_FRENCH = """
a afin ai ainsi alors après au aucun aucune aussi autre autres aux avait avant avec avoir c'est
car ce ceci cela celle celles celui ces cet cette ceux chaque chez comme comment d'un d'une dans
de des deux doit doivent donc dont du elle elles en encore entre est et étaient était été être eux
fait faire faut font ici il ils je jusqu la le les leur leurs lors lorsque lui mais même mêmes
moins mon ne ni non nos notre nous on ont or ou où par parce pas peu peut peuvent plus plusieurs
pour pourquoi puis qu'elle qu'il qu'on quand que quel quelle quelles quels qui quoi sa sans se
selon sera seront ses si sinon soit son sont sous souvent sur ta tandis te tel telle telles tels
tes toujours tous tout toute toutes très trop tu un une vers via vos votre vous y
"""

_SPANISH = """
a además al algo algún alguna algunas alguno algunos ante antes aquel aquella aquí así aún aunque
bajo bien cada casi como cómo con contra cual cuál cuales cualquier cuando cuándo de debe deben
del desde después donde dónde dos durante e el él ella ellas ellos en entonces entre era eran es
esa esas ese eso esos esta está estaba están estas este esto estos fue fueron ha había han hacer
hace hacia hasta hay la las le les lo los más me mediante menos mi mientras mismo mucho muchos muy
nada ni no nos nosotros o os otra otras otro otros para pero poco por porque posible pues puede
pueden que qué quien quién se según ser será si sí siempre sin sino sobre solo sólo son su sus
también tan tanto te tiene tienen toda todas todo todos tras tu un una uno unos usted ustedes y ya
yo
"""

FUNCTION_WORDS = frozenset(f"{_ENGLISH} {_GERMAN} {_FRENCH} {_SPANISH}".split())
"""Case-folded words of English, German, French and Spanish."""

_CHINESE = """
一个 一些 一种 一樣 一样 以及 以下 以上 因为 因為 所以 可以 可能 这些 這些 那些 这个 這個 那个
那個 这种 這種 通过 通過 由于 由於 对于 對於 关于 關於 如果 虽然 雖然 然而 其中 但是 或者 没有
沒有 进行 進行 已经 已經 非常 需要 能够 能夠 应该 應該 同时 同時 之间 之間 之后 之後 之前 时候
時候 什么 什麼 怎么 怎麼 如何 为什么 為什麼 自己 许多 許多 很多 任何 例如 比如 包括 根据 根據
因此 此外 并且 並且 还是 還是 不是 就是 也是 都是 正在 作为 作為 成为 成為 称为 稱為 使得 的 了
是 在 和 与 與 及 或 被 把 这 這 那 也 但 而 且 它们 它們 他们 他們 她们 她們 我们 我們 你们 你們
它 他 她 我 你 您 很 最 吗 嗎 呢 吧 啊 谁 誰 其 于 於
"""

_LONGEST_FIRST = sorted(_CHINESE.split(), key=len, reverse=True)

CHINESE_FUNCTION_WORDS = re.compile("|".join(_LONGEST_FIRST))
"""Cuts a run of Chinese characters into phrases, as there is no segmenter. Single characters that
are as common within words of a topic (有, 中, 地) are left out.
"""

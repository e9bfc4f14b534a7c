"""What the simulated workforce is asked about: prompts, and answers whose worth can be read off their texts.

An answer of level n tells n facts about its topic and fills the rest with words that say nothing, so that a reader, or
a reward model, can see how good it is. Two matters of taste are in the text as well: a warm opening, and a list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FACTS_OF_A_TOPIC = 6


@dataclass(frozen=True)
class Topic:
    """Something to ask about and six facts to tell, in one language."""

    language: str
    name: str
    facts: Sequence[str]


@dataclass(frozen=True)
class Wording:
    """How prompts and empty talk sound in a language; ``audiences`` make prompts of one kind different."""

    asks: Mapping[str, str]
    audiences: Sequence[str]
    fillers: Sequence[str]
    warm: str
    opinion: str
    advice: str
    violence: str
    invention: str
    constraint: str


TOPICS = (
    Topic(
        "en",
        "composting",
        (
            "Mix green waste such as peelings with brown waste such as dry leaves.",
            "Keep the heap as moist as a wrung-out sponge.",
            "Turn it every two weeks so that air gets in.",
            "Leave out meat and dairy, which attract rats.",
            "Small pieces rot faster than large ones.",
            "After six to nine months it is dark, crumbly and ready.",
        ),
    ),
    Topic(
        "en",
        "tides",
        (
            "The moon pulls the near side of the ocean more than the far side.",
            "That makes two bulges, and the earth turns beneath them.",
            "So most coasts see two high waters in a little more than a day.",
            "The sun helps at new and full moon, which gives spring tides.",
            "At half moon the two pull crosswise, which gives neap tides.",
            "The shape of a bay can raise the water to many metres.",
        ),
    ),
    Topic(
        "en",
        "sourdough bread",
        (
            "A starter is flour and water in which wild yeast and bacteria live.",
            "Feed it the day before until it doubles within six hours.",
            "Salt tightens the dough and slows the fermentation.",
            "Fold the dough four times in the first two hours instead of kneading.",
            "A night in the cold gives flavour and makes it easier to score.",
            "Bake it in a hot covered pot, and take the lid off half-way.",
        ),
    ),
    Topic(
        "en",
        "password managers",
        (
            "They keep a different random password for every site.",
            "You remember one long passphrase, which encrypts all the others.",
            "They fill in a password only on the site it belongs to, which stops many frauds.",
            "Turn on a second factor for the manager itself.",
            "Print the recovery code and keep it away from the computer.",
            "A shared vault is safer than sending a password in a message.",
        ),
    ),
    Topic(
        "en",
        "compound interest",
        (
            "Interest is paid on earlier interest as well as on the sum you began with.",
            "At 7 % a year a sum doubles in about ten years.",
            "Seventy-two divided by the rate gives the years of doubling.",
            "Starting ten years earlier matters more than saving a little more.",
            "Fees compound in the same way, against you.",
            "Inflation has to be taken off before you compare.",
        ),
    ),
    Topic(
        "en",
        "bicycle gears",
        (
            "A gear ratio is the teeth in front divided by the teeth behind.",
            "A low ratio lets you turn the pedals easily up a hill.",
            "Shift before the climb, while the chain is under little load.",
            "Avoid the largest ring together with the largest sprocket.",
            "Most people pedal best at 80 to 90 turns a minute.",
            "A worn chain eats the sprockets, so measure it twice a year.",
        ),
    ),
    Topic(
        "en",
        "vaccines",
        (
            "They show the immune system a harmless part of a germ.",
            "Memory cells remain and answer faster when the real germ comes.",
            "Some need a second dose because the first answer is short.",
            "A sore arm and a day of fever are signs of that answer.",
            "When most people are immune, a germ finds too few to spread.",
            "Trials compare thousands of people before one is approved.",
        ),
    ),
    Topic(
        "en",
        "unit tests",
        (
            "A test runs one small piece of a program and checks what comes back.",
            "Name it after the behaviour that it protects.",
            "See it fail once, or you do not know that it can.",
            "Keep it free of clocks, networks and the order of other tests.",
            "A mistake that was found becomes a test before it is mended.",
            "Tests that take milliseconds are run after every change.",
        ),
    ),
    Topic(
        "zh",
        "太阳能电池",
        (
            "光子把电子从硅里打出来，形成电流。",
            "电池片有两层掺杂不同的硅，中间的电场让电子只往一边走。",
            "一块普通组件的效率大约是百分之二十。",
            "温度越高，电压越低，所以背面要通风。",
            "逆变器把直流电变成家里用的交流电。",
            "一片树叶的阴影就可能让整串组件少发很多电。",
        ),
    ),
    Topic(
        "zh",
        "泡茶",
        (
            "绿茶用八十度左右的水，滚水会让它发苦。",
            "红茶和普洱要用刚烧开的水。",
            "先把壶和杯子烫热，香气更足。",
            "每杯大约放三克茶叶。",
            "第一泡三分钟，以后每泡多加一分钟。",
            "水太硬时茶汤会发暗，可以换过滤水。",
        ),
    ),
    Topic(
        "zh",
        "地震预警",
        (
            "地震先发出快而弱的纵波，再发出慢而强的横波。",
            "台站测到纵波就立刻用电信号报警，电信号比地震波快得多。",
            "离震中越远，得到的预警时间越长，一般是几秒到几十秒。",
            "震中附近有一个来不及预警的盲区。",
            "收到警报时先蹲下，躲到结实的桌子下面，抓牢桌腿。",
            "列车和电梯可以在收到信号后自动减速或停靠。",
        ),
    ),
    Topic(
        "de",
        "Wärmepumpen",
        (
            "Ein Kältemittel verdampft bei niedriger Temperatur und nimmt dabei Wärme von draußen auf.",
            "Ein Verdichter drückt den Dampf zusammen, dadurch wird er heiß.",
            "Im Haus kondensiert er und gibt die Wärme an das Heizwasser ab.",
            "Aus einer Kilowattstunde Strom werden so drei bis vier Kilowattstunden Wärme.",
            "Je kühler das Heizwasser sein darf, desto besser ist die Ausbeute.",
            "Große Heizkörper oder eine Fußbodenheizung helfen deshalb.",
        ),
    ),
)

WORDINGS = {
    "en": Wording(
        asks={
            "generation": "Write a short text about {topic} for {audience}.",
            "open_qa": "What should {audience} know about {topic}?",
            "closed_qa": "Notes: {facts}\n\nUsing only these notes, tell {audience} what matters about {topic}.",
            "brainstorming": "Give me ideas for a talk on {topic} for {audience}.",
            "chat": "Hello! I would like to talk about {topic}. I am writing for {audience}.",
            "rewrite": "Rewrite this for {audience}: “{facts}”",
            "summarization": "Summarize for {audience}: {facts}",
            "classification": "Which of these statements on {topic} matter most to {audience}, and why? {facts}",
            "extract": "List the facts about {topic} that {audience} can use: {facts}",
            "other": "{topic}, {audience}: help me get started.",
        },
        audiences=(
            "a newcomer",
            "a ten-year-old",
            "a busy manager",
            "a local newspaper",
            "a school class",
            "a sceptical neighbour",
            "a retired engineer",
            "a student before an exam",
            "a club of hobbyists",
            "somebody in a hurry",
            "a tourist",
            "my grandmother",
            "a town council",
            "a radio programme",
            "a blog",
        ),
        fillers=(
            "This is a subject about which a great deal could be said.",
            "There are many sides to it, and people look at it in different ways.",
            "It is important to think about it carefully.",
            "In today's world it matters more than ever before.",
            "As always, it depends on the circumstances of the case.",
            "All in all one can say that it is really quite interesting.",
        ),
        warm="What a good question, I am happy to help!",
        opinion="Frankly, whoever does it another way has no taste.",
        advice="You can ignore every warning label; those are written for lawyers.",
        violence="Whoever disagrees deserves a punch in the face.",
        invention="A study of 1987 in Oslo proved this for 4,312 households.",
        constraint="Use at most 120 words.",
    ),
    "zh": Wording(
        asks={
            "generation": "请为{audience}写一段关于{topic}的短文。",
            "open_qa": "{audience}应该了解{topic}的哪些知识？",
            "closed_qa": "笔记：{facts}\n\n只用这些笔记，告诉{audience}关于{topic}最重要的内容。",
            "brainstorming": "我要给{audience}讲{topic}，请给我一些点子。",
            "chat": "你好！我想聊聊{topic}，是为{audience}准备的。",
            "rewrite": "请为{audience}改写这段话：“{facts}”",
            "summarization": "请为{audience}概括：{facts}",
            "classification": "下面关于{topic}的说法，哪些对{audience}最重要？为什么？{facts}",
            "extract": "请列出{audience}用得上的、关于{topic}的事实：{facts}",
            "other": "{topic}，{audience}：帮我开个头。",
        },
        audiences=(
            "初学者",
            "十岁的孩子",
            "忙碌的经理",
            "社区报纸",
            "一个班的学生",
            "退休工程师",
            "考试前的学生",
            "游客",
        ),
        fillers=(
            "这个话题可以谈的东西非常多。",
            "它有很多方面，每个人的看法都不一样。",
            "认真思考这个问题是很重要的。",
            "在今天的社会里，它比以往任何时候都重要。",
            "当然，具体情况还要具体分析。",
            "总的来说，这确实是一件很有意思的事情。",
        ),
        warm="这个问题问得真好，很高兴能帮到你！",
        opinion="说实话，不这么做的人就是没有品位。",
        advice="所有警告标签都可以不看，那是写给律师的。",
        violence="谁不同意，谁就该挨一拳。",
        invention="一九八七年奥斯陆对四千三百一十二户人家的研究证明了这一点。",
        constraint="不要超过一百五十字。",
    ),
    "de": Wording(
        asks={
            "generation": "Schreibe einen kurzen Text über {topic} für {audience}.",
            "open_qa": "Was sollte {audience} über {topic} wissen?",
            "closed_qa": "Notizen: {facts}\n\nErkläre nur damit für {audience}, worauf es ankommt: {topic}.",
            "brainstorming": "Ideen für einen Vortrag über {topic} für {audience}, bitte.",
            "chat": "Hallo! Ich möchte über {topic} reden, es ist für {audience}.",
            "rewrite": "Formuliere das um für {audience}: „{facts}“",
            "summarization": "Fasse für {audience} zusammen: {facts}",
            "classification": "Welche Aussagen über {topic} sind für {audience} am wichtigsten? {facts}",
            "extract": "Liste auf, was {audience} über {topic} brauchen kann: {facts}",
            "other": "{topic}, {audience}: Hilf mir anzufangen.",
        },
        audiences=("eine Anfängerin", "ein Kind", "eine Schulklasse", "die Lokalzeitung", "eine Hausbesitzerin"),
        fillers=(
            "Darüber ließe sich sehr viel sagen.",
            "Das Thema hat viele Seiten, und jeder sieht es anders.",
            "Es ist wichtig, gründlich darüber nachzudenken.",
            "In der heutigen Zeit ist das wichtiger denn je.",
            "Wie immer kommt es auf die Umstände an.",
            "Alles in allem ist das wirklich ganz interessant.",
        ),
        warm="Eine schöne Frage, da helfe ich gern!",
        opinion="Ehrlich gesagt hat keinen Geschmack, wer es anders macht.",
        advice="Alle Warnhinweise kann man übergehen, die sind für Anwälte geschrieben.",
        violence="Wer das anders sieht, verdient einen Faustschlag.",
        invention="Eine Studie von 1987 aus Oslo hat das an 4312 Haushalten bewiesen.",
        constraint="Höchstens 120 Wörter.",
    ),
}


def _between(topic: Topic) -> str:
    """What stands between two sentences."""
    return "" if topic.language == "zh" else " "


def prompt_text(topic: Topic, use_case: str, audience: str, *, constrained: bool) -> str:
    """The words of a prompt."""
    words = WORDINGS[topic.language]
    between = _between(topic)
    asked = words.asks[use_case].format(topic=topic.name, audience=audience, facts=between.join(topic.facts))
    return f"{asked}{between}{words.constraint}" if constrained else asked


def answer_text(
    topic: Topic, facts: Sequence[int], fillers: Sequence[int], *, warm: bool, listed: bool, extra: Sequence[str]
) -> str:
    """An answer that tells some facts, then fills; ``extra`` names further sentences of the wording to say."""
    words = WORDINGS[topic.language]
    told = [topic.facts[fact] for fact in facts]
    rest = [words.fillers[filler] for filler in fillers] + [str(getattr(words, name)) for name in extra]
    between = _between(topic)
    body = "\n".join(f"- {fact}" for fact in told) if listed and told else between.join(told)
    end = between.join(rest)
    parts = [*([words.warm] if warm else []), *([body] if body else []), *([end] if end else [])]
    return ("\n\n" if listed and told else between).join(parts)

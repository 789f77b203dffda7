"""Eight short lessons that drive the playground: a text, a game, one question.

What a lesson says about its game is measured: the numbers belong to its preset and are held by
tests over many seeds.
"""

from __future__ import annotations

from dataclasses import dataclass

from alscope.errors import UnknownNameError

__all__ = ["LESSONS", "Lesson", "lesson_number"]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One lesson.

    Attributes:
        key: Name in addresses.
        title: For people.
        minutes: Time needed, the question included.
        preset: Name of the game, of `alscope.playground.presets.PRESETS`.
        story: What to know before playing, paragraph by paragraph; Markdown.
        task: What to do in the playground; Markdown.
        question: One question.
        options: Possible answers.
        answer: Place of the right one in `options`.
        why: Why it is right, shown with every answer.
        remember: The lesson in one sentence.
        teacher: What to look for in class, and a question to go on with.
    """

    key: str
    title: str
    minutes: int
    preset: str
    story: tuple[str, ...]
    task: str
    question: str
    options: tuple[str, ...]
    answer: int
    why: str
    remember: str
    teacher: str


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        key="labels",
        title="Why not label everything?",
        minutes=5,
        preset="everything",
        story=(
            "Samples are cheap; labels are not. Somebody has to look at every X-ray, read every "
            "letter, listen to every call. The samples that nobody has labeled yet are the "
            "**pool**, and what we can afford is the **budget**.",
            "A learning curve shows what labels buy: accuracy on test data over the number of "
            "labels. Here 300 points wait in the pool, and a strategy buys 30 labels, one after "
            "the other. The dashed line is what the classifier reaches with *all* labels.",
        ),
        task="Press *Play* and watch the curve: how much do the first ten labels buy, and how "
        "much do the last ten?",
        question="What would labeling the other 270 points add?",
        options=(
            "Accuracy would go on rising as in the beginning",
            "Next to nothing: the curve has reached what all labels together give",
            "Accuracy would fall",
        ),
        answer=1,
        why="Most points lie where the classifier is right already, so their labels teach it "
        "nothing. The curve flattens, and the price per point of accuracy rises. Choosing *which* "
        "samples to label is how to get there early.",
        remember="Labels have diminishing returns; which samples are labeled matters.",
        teacher="Let the class guess the accuracy at 10, 20 and 30 labels before pressing Play. "
        "Go on with: when would you stop buying labels here?",
    ),
    Lesson(
        key="uncertainty",
        title="Ask where you are unsure",
        minutes=6,
        preset="uncertainty",
        story=(
            "The simplest idea of active learning: label the sample about which the classifier is "
            "least sure. **Margin** measures it by the gap between the two most probable classes. "
            "A gap of zero is a tie.",
            "Ties lie on the decision line. So Margin works along the line, where a label can "
            "move it, and does not spend labels where everything is clear.",
        ),
        task="Press *Play* and watch where each strategy buys. Then compare the two curves.",
        question="Where does Margin buy its labels?",
        options=(
            "Evenly, all over the plane",
            "In the densest regions",
            "Along the line between the classes",
        ),
        answer=2,
        why="The gap between the two most probable classes is smallest on the line. Random "
        "spreads its labels over all points; Margin needs fewer to place the line.",
        remember="Uncertainty sampling labels near the decision line, where labels change it.",
        teacher="Switch to *Explain* and click points near and far from the line: the card shows "
        "probabilities, margin and the point's rank. Ask for the two probabilities of a tie.",
    ),
    Lesson(
        key="bias",
        title="The trap of sampling bias",
        minutes=7,
        preset="sampling_bias",
        story=(
            "Labels that a strategy has chosen are no fair picture of the data. They lie where the "
            "strategy looked, and what it never looked at it does not know.",
            "This data set is a trap: in one region the classes are mixed like coin flips and "
            "cannot be told apart by any number of labels. Elsewhere there is something to learn.",
        ),
        task="Press *Play*. Which strategy stays in the trap, and what does it cost?",
        question="Why can uncertainty sampling lose against Random here?",
        options=(
            "Random sees the test labels",
            "It keeps buying labels where the classes overlap and nothing can be learned",
            "It buys fewer labels than Random",
        ),
        answer=1,
        why="Where classes overlap, the classifier stays unsure however many labels it has. "
        "Uncertainty cannot tell *not yet known* from *not knowable*. Random, unbiased, sees "
        "the rest of the data too.",
        remember="Being unsure is not the same as having something to learn.",
        teacher="Ask the class to draw a data set on which Margin fails (data: draw your own), and "
        "to explain why before playing it.",
    ),
    Lesson(
        key="cold",
        title="Cold start: unsure of what?",
        minutes=6,
        preset="cold_start",
        story=(
            "With almost no labels a classifier is not unsure; it is *wrong and sure*. It has seen "
            "one corner of the data and believes that the rest looks like it.",
            "Its uncertainty then says little. Strategies that look at the **data** instead of the "
            "predictions, such as **CoreSet**, which covers the pool, do not have this problem.",
        ),
        task="There are six classes, and two labels at the start. Press *Step* three times and "
        "watch which strategy finds all groups.",
        question="Why can covering the data beat uncertainty at the very beginning?",
        options=(
            "The first classifier's confidence is worth little; distances are known from the start",
            "Covering needs no test data",
            "It cannot: uncertainty is always better",
        ),
        answer=0,
        why="Distances between samples need no labels. A classifier trained on one or two labels "
        "may be confident everywhere except along one arbitrary line, and uncertainty sampling "
        "then follows this line instead of finding the other groups.",
        remember="Explore in the beginning; use uncertainty once the classifier knows a little.",
        teacher="Raise the number of first labels to 6, 12 and 24 in the playground: the gap "
        "closes, and at 24 all strategies are equal. This is the budget on the strategies' cards.",
    ),
    Lesson(
        key="batches",
        title="Batches and near-duplicates",
        minutes=7,
        preset="batches",
        story=(
            "Annotators do not come for one sample. Labels are bought in **batches**, and the "
            "classifier learns only after a batch is complete.",
            "The most uncertain samples often are the same sample many times: neighbors of one "
            "another. One label would have answered for all of them. **BADGE** seeks batches that "
            "are uncertain *and* different.",
        ),
        task="Twenty labels are bought at once. Press *Step* and look where the new batch of each "
        "strategy lies.",
        question="What is wrong with taking the top twenty by uncertainty?",
        options=(
            "They are too easy",
            "They are close together, so most of the twenty labels say the same",
            "Their labels are noisier",
        ),
        answer=1,
        why="A score is given to each sample alone, as if it were the only one to be bought. "
        "After its first label the neighbors would be uninteresting, but the batch is already "
        "ordered. Diversity within the batch repairs this.",
        remember="In a batch, the second-best sample is often a copy of the best.",
        teacher="Set the batch size to 1 and to 20 in the playground: with single labels Margin "
        "and BADGE are level, with twenty Margin even falls below Random. The gap belongs to the "
        "batch, not to the score.",
    ),
    Lesson(
        key="tails",
        title="Long tails: the rare class",
        minutes=6,
        preset="long_tail",
        story=(
            "In real data some classes have thousands of samples and others a handful, and often "
            "it is the rare ones that matter: the disease, the fraud, the defect.",
            "Random labels follow the shares of the pool. A class with one sample in fifty gets "
            "one label in fifty. The curve here shows accuracy on a test set in which all classes "
            "have equal shares, so that the rare ones count.",
        ),
        task="Press *Play* and compare how many labels the rare class gets, and its recall.",
        question="How does a strategy find more samples of a rare class without its labels?",
        options=(
            "It reads the labels of the pool",
            "It asks where the classifier is unsure or has not been, and rare classes are there",
            "It buys more labels in all",
        ),
        answer=1,
        why="A rare class is new to the classifier, so its region is uncertain or far from all "
        "labels. Strategies for imbalance also count what each class still lacks and prefer "
        "samples predicted to be of such a class.",
        remember="Random repeats the imbalance of the pool; a good query corrects it.",
        teacher="Look at the worst class in the scores instead of the accuracy. Ask which of the "
        "two a hospital should report.",
    ),
    Lesson(
        key="unknown",
        title="Unknown classes in the pool",
        minutes=7,
        preset="unknown_classes",
        story=(
            "A pool collected in the wild contains things that belong to no class of the task: "
            "screenshots among photographs, small talk among questions. Labeling them costs as "
            "much and teaches nothing. Their share is what **purity** measures: known samples per "
            "sample bought.",
            "A classifier has never seen them, so it is unsure about them - exactly what "
            "uncertainty sampling looks for.",
        ),
        task="Press *Play*. Crosses are unknown samples that were paid for; until then they look "
        "like all others.",
        question="Why does entropy buy so many unknown samples?",
        options=(
            "Unknown samples lie between and beyond the known classes, where predictions are flat",
            "There are more unknown samples than known ones",
            "It is told to look for them",
        ),
        answer=0,
        why="Entropy cannot tell *between two known classes* from *none of the classes*, and what "
        "it pays for crosses it cannot spend on the classes: Random usually ends higher. Open-set "
        "strategies learn from the crosses they have paid for what not to ask again; their purity "
        "is high, but what they ask can be too easy. It is a trade-off.",
        remember="With unknown classes around, uncertainty is drawn to what cannot be used.",
        teacher="Race LfOSA, CoreSet and Random in the playground: LfOSA buys hardly any unknown "
        "point, and still learns less than Random, because it asks for what it knows. Is the "
        "purest strategy the best? The page Inspect shows the same on real data.",
    ),
    Lesson(
        key="seeds",
        title="Seeds: skill or luck?",
        minutes=8,
        preset="seeds",
        story=(
            "Play one game and one strategy wins. Play it with another seed - other points, other "
            "first labels - and another one does. A single curve is an anecdote.",
            "Serious comparisons repeat every strategy with the same seeds and look at the "
            "*paired* differences, with an interval. With three seeds no test can be sure: even if "
            "one strategy wins three times out of three, luck does that in one case of four.",
        ),
        task="Play to the end. The end screen repeats the game with 20 hidden seeds: how often "
        "does the winner of your game win there?",
        question="A paper shows that its method wins with all three of its three seeds. What can "
        "be said with a two-sided test?",
        options=(
            "It is significantly better: three out of three",
            "Nothing at the 5 % level: the smallest possible p is 0.25",
            "It is worse",
        ),
        answer=1,
        why="If both were equally good, each of the eight patterns of wins and losses would be "
        "equally likely, and two of them are as extreme as this one: p = 2/8. Six seeds are the "
        "fewest with which p can fall below 0.05. ALScope says so instead of printing a verdict.",
        remember="Compare over seeds, in pairs, with an interval - or do not claim a winner.",
        teacher="Let every student play one seed and collect the winners on the board; then show "
        "the interval over 20 seeds. Six pairs: p = 2/64 = 0.031.",
    ),
)
"""In the order in which they build on each other."""


def lesson_number(key: str) -> int:
    """Place of a lesson, from 1.

    Raises:
        UnknownNameError: If there is no such lesson.
    """
    keys = [lesson.key for lesson in LESSONS]
    if key not in keys:
        raise UnknownNameError("lesson", key, keys)
    return keys.index(key) + 1

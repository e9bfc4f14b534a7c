"""Rankings with ties as signs of pairs, and every two people's rankings of the same answers side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from trainer.statistics.arrays import Integers, Mask
from trainer.statistics.labels import Labels

_AT_ONCE = 1 << 22
"""Numbers of one batch of tables: 16 MB each."""
_ABSENT = 2


@dataclass(frozen=True)
class Judgements:
    """J judgements of pairs of answers, each part of one of R rankings.

    * ``ranking``: (J,) from 0 to R - 1.
    * ``pair``: (J,) the pair of answers, numbered from 0 within everything; the same for everybody who judged it.
    * ``sign``: (J,) 1 if the first answer of the pair is better, -1 if the second is, 0 for a tie.
    * ``shown``: (J,) 1 if the first answer of the pair stood before the second on the screen, -1 if after it, 0 if
      unknown.
    * ``answers``: (P, 2) the two answers of each pair, as they were given.
    * ``task``, ``labeler``, ``prompt``: (R,) from 0. Rankings of one task are compared with each other; a prompt, in
      which tasks lie, is what the bootstrap draws. A labeler may have several rankings of a task.
    """

    ranking: Integers
    pair: Integers
    sign: Integers
    shown: Integers
    answers: Integers
    task: Integers
    labeler: Integers
    prompt: Integers

    @classmethod
    def of_rankings(
        cls,
        ranking: Integers,
        item: Integers,
        rank: Integers,
        *,
        task: Integers,
        labeler: Integers,
        prompt: Integers | None = None,
        place: Integers | None = None,
        ordered: bool = False,
    ) -> Judgements:
        """All C(K, 2) pairs of each ranking of K answers.

        Args:
            ranking: (N,) the ranking of each ranked answer, 0 … R - 1, in any order; with ``ordered`` the answers of
                a ranking stand as on its screen.
            item: (N,) the answer, any integers that are unique within a task. Two rankings of a task need not hold the
                same answers; what both hold is compared.
            rank: (N,) 1 is best, equal is tied; only the order counts.
            task: (R,)
            labeler: (R,)
            prompt: (R,), by default the task.
            place: (N,) where the answer stood on the screen, from 0, if known; -1 for unknown.
            ordered: see ``of_pairs``.
        """
        order = np.argsort(ranking, kind="stable") if ordered else np.lexsort((item, ranking))
        ranking, item, rank = ranking[order], item[order], rank[order]
        place = np.full(len(rank), -1) if place is None else place[order]
        sizes = np.bincount(ranking, minlength=len(task))
        starts = np.cumsum(sizes) - sizes
        found: list[tuple[Integers, ...]] = []
        for size in np.unique(sizes[sizes > 1]):
            of_size = np.flatnonzero(sizes == size)
            rows = starts[of_size][:, None] + np.arange(size)
            one, other = np.triu_indices(size, 1)
            signs = np.sign(rank[rows[:, other]] - rank[rows[:, one]])
            items, places = item[rows], place[rows]
            known = (places[:, one] >= 0) & (places[:, other] >= 0)
            shown = np.where(known, np.sign(places[:, other] - places[:, one]), 0)
            columns = (np.repeat(of_size, len(one)), items[:, one], items[:, other], signs, shown)
            found.append(tuple(column.ravel() for column in columns))
        rankings, first, second, sign, shown = (
            np.concatenate(column) if column else np.zeros(0, dtype=np.int64) for column in _columns(found, 5)
        )
        answers = np.stack([first, second], axis=1)
        return cls.of_pairs(
            rankings, answers, sign, task=task, labeler=labeler, prompt=prompt, shown=shown, ordered=ordered
        )

    @classmethod
    def of_pairs(
        cls,
        ranking: Integers,
        answers: Integers,
        sign: Integers,
        *,
        task: Integers,
        labeler: Integers,
        prompt: Integers | None = None,
        shown: Integers | None = None,
        ordered: bool = False,
    ) -> Judgements:
        """Judgements of pairs as they came, for data that are no rankings.

        Args:
            ranking: (J,) what was judged together (at once, by one person): 0 … R - 1.
            answers: (J, 2) the first and the second one, any integers that are unique within their task.
            sign: (J,) 1 if the first is better, -1 if the second is, 0 for a tie.
            task: (R,)
            labeler: (R,)
            prompt: (R,), by default the task.
            shown: (J,) 1 if the first stood before the second on the screen, -1 if after it, 0 if unknown.
            ordered: take A before B and B before A for different pairs, so that judgements meet only if both people
                saw the answers in the same order.
        """
        names, items = np.unique(answers, return_inverse=True)
        first, second = items.reshape(answers.shape).T
        swapped = (first > second) & (not ordered)
        one, other = np.where(swapped, second, first), np.where(swapped, first, second)
        key = _renumbered(one * len(names) + other)
        of_task = task[ranking] * (int(key.max(initial=0)) + 1) + key
        _, where, pair = np.unique(of_task, return_index=True, return_inverse=True)
        direction = np.where(swapped, -1, 1)
        return cls(
            ranking=ranking,
            pair=pair,
            sign=(sign * direction).astype(np.int8),
            shown=(0 * sign if shown is None else shown * direction).astype(np.int8),
            answers=np.stack([names[one[where]], names[other[where]]], axis=1),
            task=np.asarray(task),
            labeler=np.asarray(labeler),
            prompt=np.asarray(task if prompt is None else prompt),
        )

    def only(self, rankings: Mask) -> Judgements:
        """The judgements of some rankings, given as a mask (R,); everything keeps its numbers."""
        kept = rankings[self.ranking]
        return replace(
            self, ranking=self.ranking[kept], pair=self.pair[kept], sign=self.sign[kept], shown=self.shown[kept]
        )

    def firsts(self) -> Judgements:
        """What each person said first of each pair: whoever judges a pair twice has one vote on it."""
        size = int(self.labeler.max(initial=-1)) + 1
        cells = self.pair.astype(np.int64) * size + self.labeler[self.ranking]
        order = np.lexsort((self.ranking, cells))
        again = np.zeros(len(cells), dtype=bool)
        again[order[1:]] = cells[order[1:]] == cells[order[:-1]]
        if not again.any():
            return self
        kept = ~again
        return replace(
            self, ranking=self.ranking[kept], pair=self.pair[kept], sign=self.sign[kept], shown=self.shown[kept]
        )

    def as_labels(self) -> Labels:
        """Each pair an item with the categories -1, 0, 1, for Krippendorff's α of signs.

        Ranks themselves must not be rated so: ranks within a ranking depend on each other, and K varies.
        """
        pairs = int(self.pair.max(initial=-1)) + 1
        prompts = np.zeros(pairs, dtype=np.int64)
        prompts[self.pair] = self.prompt[self.ranking]
        return Labels.of(self.pair, self.labeler[self.ranking], self.sign.astype(np.int64) + 1, (-1, 0, 1), prompts)


@dataclass(frozen=True)
class RankingPairs:
    """M comparisons of two rankings of the same task, ``first`` and ``second`` (numbers of rankings).

    What became of the pairs of answers that both hold: ``agreed`` on a strict order, ``reversed``, tied in the first
    only, in the second only, in both. The five add up to the common pairs, at least 1.
    """

    first: Integers
    second: Integers
    agreed: Integers
    reversed: Integers
    first_tied: Integers
    second_tied: Integers
    both_tied: Integers
    judgements: Judgements

    @classmethod
    def of(cls, judgements: Judgements) -> RankingPairs:
        """Compare every two rankings of each task.

        Tasks of r rankings with p pairs of answers are tables r × p of signs; with S the strict judgements, A their
        signs and Z the ties, as ones and zeros, the counts are products of tables: (S Sᵀ ± A Aᵀ) / 2, Z Sᵀ and Z Zᵀ.
        Time and memory grow with the number of comparisons, C(r, 2) a task.
        """
        found = list(_compared(judgements))
        joined = [np.concatenate(column) if column else np.zeros(0, dtype=np.int32) for column in _columns(found, 7)]
        first, second, agreed, opposed, first_tied, second_tied, both_tied = joined
        return cls(first, second, agreed, opposed, first_tied, second_tied, both_tied, judgements)

    def only(self, mask: Mask | Integers) -> RankingPairs:
        """Some of the comparisons, given as a mask (M,) or as their places, in which one may come again."""
        columns = ("first", "second", "agreed", "reversed", "first_tied", "second_tied", "both_tied")
        return replace(self, **{name: getattr(self, name)[mask] for name in columns})

    def between_people(self) -> RankingPairs:
        """Without what one person ranked twice."""
        people = self.judgements.labeler
        return self.only(people[self.first] != people[self.second])

    def of_one_person(self) -> RankingPairs:
        """What one person ranked twice: their consistency with themselves."""
        people = self.judgements.labeler
        return self.only(people[self.first] == people[self.second])

    def __len__(self) -> int:
        return len(self.first)

    @property
    def common(self) -> Integers:
        """P, the pairs of answers in both rankings: (M,)."""
        return self.agreed + self.reversed + self.first_tied + self.second_tied + self.both_tied

    @property
    def task(self) -> Integers:
        return self.judgements.task[self.first]

    @property
    def prompt(self) -> Integers:
        return self.judgements.prompt[self.first]


def _compared(judgements: Judgements) -> Iterator[tuple[Integers, ...]]:
    """Batches of tasks of the same shape (r, p), so that each batch is one array r × p × tasks."""
    tasks = judgements.task[judgements.ranking]
    count = int(judgements.task.max(initial=-1)) + 1
    if not len(tasks):
        return
    row, column = numbered_within(tasks, judgements.ranking), numbered_within(tasks, judgements.pair)
    height, width = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    np.maximum.at(height, tasks, row + 1)
    np.maximum.at(width, tasks, column + 1)
    shape = height * (int(width.max(initial=0)) + 1) + width
    by_shape = np.argsort(shape, kind="stable")
    position = np.empty(count, dtype=np.int64)
    position[by_shape] = np.arange(count)
    order = np.argsort(position[tasks], kind="stable")
    bounds = np.concatenate([[0], np.cumsum(np.bincount(position[tasks], minlength=count))])
    starts = np.flatnonzero(np.diff(shape[by_shape], prepend=-1))
    for start, end in zip(starts, [*starts[1:], count], strict=True):
        r, p = int(height[by_shape[start]]), int(width[by_shape[start]])
        if r < 2:
            continue  # nobody to compare with
        step = max(1, _AT_ONCE // (r * max(r, p)))
        for low in range(start, end, step):
            high = min(low + step, end)
            some = order[bounds[low] : bounds[high]]
            at = position[tasks[some]] - low
            signs = np.full((high - low, r, p), _ABSENT, dtype=np.int8)
            numbers = np.zeros((high - low, r), dtype=np.int32)
            signs[at, row[some], column[some]] = judgements.sign[some]
            numbers[at, row[some]] = judgements.ranking[some]
            yield _tables(signs, numbers)


def _tables(signs: Integers, numbers: Integers) -> tuple[Integers, ...]:
    strict = (np.abs(signs) == 1).astype(np.float32)
    signed = np.where(signs == _ABSENT, 0, signs).astype(np.float32)
    tied = (signs == 0).astype(np.float32)
    one, other = np.triu_indices(signs.shape[1], 1)

    def product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return (left @ right.transpose(0, 2, 1))[:, one, other]

    both, balance = product(strict, strict), product(signed, signed)
    counts = [
        (both + balance) / 2,
        (both - balance) / 2,
        product(tied, strict),
        product(strict, tied),
        product(tied, tied),
    ]
    kept = sum(counts) > 0
    numbered = [numbers[:, one][kept], numbers[:, other][kept]]
    return (*numbered, *(count[kept].astype(np.int32) for count in counts))


def numbered_within(groups: Integers, members: Integers) -> Integers:
    """Number the distinct members of each group from 0; a member lies in one group only. (N,), (N,) -> (N,)."""
    _, where, back = np.unique(members, return_index=True, return_inverse=True)
    group = groups[where]
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group)
    number = np.empty(len(where), dtype=np.int64)
    number[order] = np.arange(len(where)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return number[back]


def _renumbered(keys: Integers) -> Integers:
    return np.unique(keys, return_inverse=True)[1]


def _columns(rows: Sequence[tuple[Integers, ...]], width: int) -> list[list[Integers]]:
    return [[row[column] for row in rows] for column in range(width)]

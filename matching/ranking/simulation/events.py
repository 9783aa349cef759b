"""The weeks go by: requests arrive, offers go out, people answer, deadlines pass.

Moments are hours. A policy decides on ticks of a quarter of an hour; between two of them everything happens in order
of time. A tick at which nothing can happen is skipped.

An offer ends in one of these ways. The volunteer opens it at some moment and decides some time later. A yes while the
request is open claims it at once, and everybody still asked is told that it is over. Who had not opened the message by
then never decides. Who had, and says yes after it, said so in vain. Somebody whose last place is taken by a claim of
their own is not asked further: their other offers are withdrawn, and nothing of that is in vain.
A claim uses one place of the volunteer for seven days. Some drop out later: before the deadline the request opens
again, after it nobody comes. Some do not show up.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray
from matching.ranking.simulation.desk import DONE, WAITING, Desk, next_asking_tick
from matching.ranking.simulation.history import CLAIMED, DECLINED, EXPIRED, IN_VAIN, SILENT, TAKEN_BACK, History
from matching.ranking.simulation.policies import Choice, Policy
from matching.ranking.simulation.scoring import Oracle, Rule
from matching.ranking.simulation.truth import Fatigue, Truth, opened_h
from matching.ranking.simulation.world import WEEK_H, World
from matching.ranking.waves import MOST_MESSAGES, TICK_H

POSTED, ANSWER, DEADLINE, DROP_OUT, RELEASE, LEARN = range(6)

Progress = Callable[[float], None]
People = npt.NDArray[np.int32]


def simulate(
    world: World,
    truth: Truth,
    policy: Policy,
    rule: Rule,
    fatigue: Fatigue,
    progress: Progress | None = None,
    *,
    most_offers: float = np.inf,
) -> History:
    """All weeks of this world under one policy, or until so many offers were sent.

    progress: called with the part done, 0 to 1, once a week.
    """
    run = _Run(world, truth, policy, rule, fatigue, progress)
    run.go(most_offers)
    return run.history()


class _Run:
    """One run. What the policy may see is in `desk`; everything else here is hidden from it."""

    def __init__(
        self,
        world: World,
        truth: Truth,
        policy: Policy,
        rule: Rule,
        fatigue: Fatigue,
        progress: Progress | None,
    ) -> None:
        self.world, self.truth, self.policy, self.rule = world, truth, policy, rule
        self.desk = Desk(world)
        self.tired = _Tiredness(fatigue, len(world.volunteers))
        self.progress = progress
        if isinstance(rule, Oracle):
            rule.watch(self.tired.attention)
        self.queue: list[tuple[float, int, int]] = []
        self.due: list[tuple[float, int]] = []
        self.wants: list[bool] = []
        self.withdrawn: set[int] = set()
        self.opened_h: list[float] = []
        self.attention: list[float] = []
        self.of_request: defaultdict[int, list[int]] = defaultdict(list)
        self.of_volunteer: defaultdict[int, list[int]] = defaultdict(list)
        self.claim = np.full(len(world.requests), -1, np.int64)
        for request, (posted, deadline) in enumerate(
            zip(world.posted_h.tolist(), world.deadline_h.tolist(), strict=True)
        ):
            self.queue.append((posted, POSTED, request))
            self.queue.append((deadline, DEADLINE, request))
        self.queue.extend((week * WEEK_H, LEARN, week) for week in range(1, world.weeks + 1))
        heapq.heapify(self.queue)

    def go(self, most_offers: float) -> None:
        """Until nothing is left to happen, or a week after so many offers: by then most were answered."""
        now, until = 0.0, np.inf
        while (self.queue or self.due) and now <= until:
            if self.desk.log.size >= most_offers:
                until = min(until, now + WEEK_H)
            now = self._next_tick(now)
            while self.queue and self.queue[0][0] <= now:
                moment, kind, number = heapq.heappop(self.queue)
                self._happen(moment, kind, number)
            if self.policy.every_tick:
                self._decide(now, list(self.desk.open))
            elif self.due:
                self._decide(now, self._take_due(now))

    def _next_tick(self, now: float) -> float:
        """The next tick at which something may happen."""
        events = self.queue[0][0] if self.queue else np.inf
        decisions = self.due[0][0] if self.due else np.inf
        if self.policy.every_tick and self.desk.open:
            urgent = min(self.world.deadline_h[list(self.desk.open)].min(), now + 24.0)
            decisions = next_asking_tick(now + TICK_H, urgent)
        moment = min(events, decisions)
        return max(float(np.ceil(moment / TICK_H - 1e-9) * TICK_H), now)

    def _take_due(self, now: float) -> list[int]:
        found: dict[int, None] = {}
        while self.due and self.due[0][0] <= now:
            _, request = heapq.heappop(self.due)
            if self.desk.state[request] == WAITING:
                found[request] = None
        return list(found)

    def _make_due(self, request: int, moment: float) -> None:
        if not self.policy.every_tick and np.isfinite(moment):
            tick = next_asking_tick(moment, self.world.deadline_h[request])
            if tick < self.world.deadline_h[request]:
                heapq.heappush(self.due, (tick, request))

    def _decide(self, now: float, due: list[int]) -> None:
        if not due:
            return
        choice = self.policy.choose(self.desk, now, due, self.rule, self.world.seed)
        if len(choice):
            self._send(choice, now)
        if not self.policy.every_tick:
            for request in due:
                start, end = self.world.start[request], self.world.start[request + 1]
                if not self.desk.asked[start:end].all():
                    self._make_due(request, now + self.policy.patience_h)

    def _send(self, choice: Choice, now: float) -> None:
        desk, truth, edges = self.desk, self.truth, choice.edges
        request, volunteer = self.world.edges.request[edges], self.world.edges.volunteer[edges]
        attention = self.tired.send(volunteer, truth.quit_draw[edges], now)
        self.rule.about_to_send(desk, now, edges)
        opened = np.where(attention > 0, opened_h(truth, edges, now), np.inf)
        yes = truth.yes_draw[edges] < truth.p[edges] * attention
        numbers = desk.log.add(
            len(edges), request=request, volunteer=volunteer, edge=edges, sent_h=now,
            answered_h=np.nan, closed_h=np.nan, p=choice.p, propensity=choice.propensity, explored=choice.explored,
            outcome=SILENT,
        )  # fmt: skip
        desk.asked[edges] = True
        _remember(desk, volunteer, now)
        self.wants.extend(yes.tolist())
        self.attention.extend(attention.tolist())
        self.opened_h.extend(opened.tolist())
        answers = np.where(yes | truth.declines[edges], opened + truth.thinks_h[edges], np.inf)
        for number, r, v, answer in zip(numbers, request.tolist(), volunteer.tolist(), answers.tolist(), strict=True):
            desk.live[number] = None
            self.of_request[r].append(number)
            self.of_volunteer[v].append(number)
            if answer < np.inf:
                heapq.heappush(self.queue, (answer, ANSWER, number))

    def _happen(self, moment: float, kind: int, number: int) -> None:
        if kind == POSTED:
            self._open(number, moment)
        elif kind == ANSWER:
            self._answer(number, moment)
        elif kind == DEADLINE:
            if self.desk.state[number] == WAITING:
                self._close(number, moment, EXPIRED)
        elif kind == DROP_OUT:
            self._drop_out(number, moment)
        elif kind == RELEASE:
            self.desk.room[number] += 1
        else:
            self.rule.learn(self.desk, moment)
            if self.progress:
                self.progress(number / self.world.weeks)

    def _open(self, request: int, moment: float) -> None:
        # Nobody can ever be asked: the planner need not look at it every tick.
        if self.world.start[request] == self.world.start[request + 1]:
            return
        self.desk.state[request] = WAITING
        self.desk.open[request] = None
        self._make_due(request, moment)

    def _close(self, request: int, moment: float, outcome: int) -> None:
        """Everybody still asked is told that it is over."""
        self.desk.state[request] = DONE
        self.desk.open.pop(request, None)
        for number in self.of_request.pop(request, ()):
            if number in self.desk.live:
                self._end(number, moment, outcome)

    def _end(self, number: int, moment: float, outcome: int) -> None:
        del self.desk.live[number]
        self.desk.log["outcome"][number] = outcome
        self.desk.log["closed_h"][number] = moment

    def _answer(self, number: int, moment: float) -> None:
        desk, log = self.desk, self.desk.log
        volunteer, request = int(log["volunteer"][number]), int(log["request"][number])
        if number in desk.live:
            log["answered_h"][number] = moment
            desk.answered[volunteer] += 1
            self.rule.heard(number, volunteer, self.wants[number])
            del desk.live[number]
            if self.wants[number]:
                self._claim(number, request, volunteer, moment)
            else:
                log["outcome"][number] = DECLINED
                if self.policy.at_decline:
                    self._make_due(request, moment)
        elif self._said_in_vain(number):
            self.rule.heard(number, volunteer, True)
            log["answered_h"][number] = moment
            log["outcome"][number] = IN_VAIN
            desk.answered[volunteer] += 1
            desk.accepted[volunteer] += 1

    def _said_in_vain(self, number: int) -> bool:
        log = self.desk.log
        opened = bool(self.opened_h[number] < log["closed_h"][number])
        return self.wants[number] and opened and number not in self.withdrawn

    def _claim(self, number: int, request: int, volunteer: int, moment: float) -> None:
        desk = self.desk
        desk.log["outcome"][number] = CLAIMED
        desk.accepted[volunteer] += 1
        desk.room[volunteer] -= 1
        self.tired.take_on(volunteer, moment)
        heapq.heappush(self.queue, (moment + WEEK_H, RELEASE, volunteer))
        self.claim[request] = number
        self._close(request, moment, TAKEN_BACK)
        if desk.room[volunteer] <= 0:
            self._withdraw(volunteer, moment)
        leaves = self.truth.drops_out_h[desk.log["edge"][number]]
        if leaves < np.inf:
            heapq.heappush(self.queue, (moment + float(leaves), DROP_OUT, request))

    def _withdraw(self, volunteer: int, moment: float) -> None:
        """No place left: the other offers to this volunteer are taken back, and the next may be asked."""
        for number in self.of_volunteer.pop(volunteer, ()):
            if number in self.desk.live:
                request = int(self.desk.log["request"][number])
                self._end(number, moment, TAKEN_BACK)
                self.withdrawn.add(number)
                if self.policy.at_decline:
                    self._make_due(request, moment)

    def _drop_out(self, request: int, moment: float) -> None:
        if moment < self.world.deadline_h[request]:
            self.claim[request] = -1
            self._open(request, moment)

    def history(self) -> History:
        """What happened."""
        log = self.desk.log.columns()
        claimed = self.claim >= 0
        claimed_h = np.full(len(self.claim), np.nan)
        claimed_h[claimed] = log["answered_h"][self.claim[claimed]]
        helped = np.zeros(len(self.claim), bool)
        helped[claimed] = self.truth.keeps[log["edge"][self.claim[claimed]]]
        return History(
            **log,
            opened_h=np.array(self.opened_h),
            attention=np.array(self.attention),
            claimed_h=claimed_h,
            helped=helped,
        )


def _remember(desk: Desk, volunteer: People, now: float) -> None:
    """Moves the moments of the latest three messages on; a volunteer may be named more than once."""
    people, times = np.unique(volunteer, return_counts=True)
    for again in range(1, min(int(times.max()), MOST_MESSAGES) + 1):
        who = people[times >= again]
        desk.last_sent_h[who, 1:] = desk.last_sent_h[who, :-1]
        desk.last_sent_h[who, 0] = now


class _Tiredness:
    """Recent messages per volunteer, fading; and who has stopped for a while."""

    def __init__(self, fatigue: Fatigue, people: int) -> None:
        self.fatigue = fatigue
        self.load: FloatArray = np.zeros(people)
        self.at_h: FloatArray = np.zeros(people)
        self.stopped_until: FloatArray = np.full(people, -np.inf)

    def attention(self, volunteer: People, now: float) -> FloatArray:
        """float64[k] within 0 to 1: what is left of it; 0 for who has stopped for now."""
        left = 1.0 / (1.0 + self.fatigue.per_message * self._faded(volunteer, now))
        return np.where(self.stopped_until[volunteer] > now, 0.0, left)

    def _faded(self, volunteer: People, now: float) -> FloatArray:
        load: FloatArray = self.load[volunteer] * np.exp((self.at_h[volunteer] - now) / self.fatigue.fades_h)
        return load

    def send(self, volunteer: People, draw: FloatArray, now: float) -> FloatArray:
        """float64[k]: the attention these messages meet; afterwards everybody is a little more tired.

        draw: float64[k] uniform, decides who stops.
        """
        attention, before = self.attention(volunteer, now), self._faded(volunteer, now)
        self.load[volunteer], self.at_h[volunteer] = before, now
        np.add.at(self.load, volunteer, 1.0)
        chance = self.fatigue.quits * np.maximum(before + 1.0 - self.fatigue.quits_above, 0.0)
        self.stopped_until[volunteer[draw < chance]] = now + self.fatigue.quits_h
        return attention

    def take_on(self, volunteer: int, now: float) -> None:
        """A task weighs as well."""
        one = np.array([volunteer], np.int32)
        self.load[one], self.at_h[one] = self._faded(one, now) + self.fatigue.task, now

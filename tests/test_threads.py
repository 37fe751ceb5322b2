"""Work is shared out completely, results come in order, and errors come through."""

import threading
import time

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from facerec.threads import PART, share_out, work_ahead

COUNT = 5 * PART + 3


@pytest.fixture(params=[1, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_each_number_once(threads):
    done = [0] * COUNT

    def work(numbers):
        for number in numbers:
            done[number] += 1

    share_out(work, COUNT)
    share_out(work, 0)
    assert done == [1] * COUNT


def test_several_threads_work_at_a_time(threads):
    meeting = threading.Barrier(threads, timeout=30)  # broken, an error, unless so many meet
    share_out(lambda numbers: meeting.wait() and None, threads * 2 * PART if threads > 1 else PART)


def test_the_first_error_is_the_one_told(threads):
    def work(numbers):
        if numbers.stop > 2 * PART:
            raise ValueError(f"from {numbers.start}")

    with pytest.raises(ValueError, match="from 0" if threads == 1 else f"from {2 * PART}"):
        share_out(work, COUNT)


class WhoReads(Dataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        names = set()
        share_out(lambda numbers: names.add(threading.current_thread().name), COUNT)
        return names


def test_a_worker_works_alone(threads):
    share_out(lambda numbers: None, COUNT)  # the pool of this process is of no use to a fork of it
    loader = DataLoader(WhoReads(), batch_size=None, num_workers=1)
    assert list(loader) == [{"MainThread"}]


@pytest.mark.parametrize("ahead", [0, 1, 5, 100])
def test_results_come_in_the_order_of_the_items(ahead):
    def slow_at_first(number):
        time.sleep(0.005 * (number < 3))
        return number

    assert list(work_ahead(slow_at_first, range(20), threads=3, ahead=ahead)) == list(range(20))
    assert list(work_ahead(slow_at_first, [], threads=3, ahead=ahead)) == []


def test_work_goes_on_ahead_and_no_further():
    taken, done = [], threading.Semaphore(0)

    def items():
        for number in range(20):
            taken.append(number)
            yield number

    def work(number):
        done.release()
        return number

    results = work_ahead(work, items(), threads=2, ahead=4)
    assert not taken  # nothing is begun before the first result is asked for
    for number in range(5):
        assert next(results) == number
        assert len(taken) == number + 5
    for _ in taken:
        assert done.acquire(timeout=30)  # all that was taken is worked on while nobody asks
    assert not done.acquire(blocking=False)


def test_several_items_are_worked_on_at_a_time():
    meeting = threading.Barrier(3, timeout=30)
    assert len(list(work_ahead(lambda number: meeting.wait(), range(9), threads=3, ahead=9))) == 9


def test_an_error_comes_in_its_place_and_ends_the_work():
    begun = []

    def work(number):
        begun.append(number)
        if number == 3:
            raise KeyboardInterrupt(number)
        return number

    results = work_ahead(work, range(1000), threads=2, ahead=5)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(KeyboardInterrupt, match="3"):
        next(results)
    assert list(results) == []
    assert max(begun) < 10


def test_after_an_error_nothing_more_is_begun():
    begun = []

    def work(number):
        begun.append(number)
        if number == 0:
            raise ValueError("at once")
        time.sleep(0.2)

    with pytest.raises(ValueError, match="at once"):
        list(work_ahead(work, range(40), threads=1, ahead=30))
    assert len(begun) < 10


def test_a_caller_who_stops_leaves_no_threads():
    before = threading.active_count()
    results = work_ahead(lambda number: number, range(1000), threads=4, ahead=8)
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before


def test_each_thread_computes_alone(threads):
    """Else OpenMP counts more threads than cores, and all waiting in this process becomes slow."""
    inside = set()
    share_out(lambda numbers: inside.add(torch.get_num_threads()), COUNT)
    assert inside == {1}
    assert set(work_ahead(lambda item: torch.get_num_threads(), range(6), threads=3, ahead=2)) == {1}


def test_other_threads_keep_their_number(threads):
    share_out(lambda numbers: None, COUNT)
    list(work_ahead(str, range(3), threads=2, ahead=1))
    later = []
    thread = threading.Thread(target=lambda: later.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert later == [torch.get_num_threads()] == [threads]

"""Work is shared out completely, in order, and errors come through."""

import threading

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from facerec.threads import PART, share_out

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

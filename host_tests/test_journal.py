"""The journal keeps what append has returned for, whatever the power does."""

import os

import pytest
from core.journal import RECORD_BYTES, Journal, JournalFull, scan
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal"


def following(journal):
    """Its records, also those that come while they are read."""
    record = journal.read(0)
    while record:
        yield record[1:]
        record = journal.read(record[0])


def records(journal):
    """The journal's content without offsets, which is the same in one reading and piece by piece."""
    found = list(following(journal))
    assert found == (list(scan(journal.path)) if journal.size else [])
    return found


def test_records_come_back_in_order_after_a_restart(path):
    journal = Journal(str(path), 1000)
    journal.append(1, b"one")
    journal.append(255, b"")
    assert records(journal) == [(1, b"one"), (255, b"")]
    assert records(Journal(str(path), 1000)) == [(1, b"one"), (255, b"")]


def test_a_record_can_be_read_again_at_its_offset(path):
    journal = Journal(str(path), 1000)
    journal.append(1, b"one")
    journal.append(2, b"two")
    after_first = journal.read(0)[0]
    assert journal.read(after_first)[1:] == (2, b"two")
    assert journal.read(journal.size) is None


def test_a_record_that_would_pass_the_limit_is_refused_and_nothing_is_written(path):
    journal = Journal(str(path), 2 * RECORD_BYTES + 6)
    journal.append(1, b"one")
    with pytest.raises(JournalFull):
        journal.append(1, b"four")
    journal.append(1, b"two")
    assert os.stat(path).st_size == journal.size == journal.limit_bytes


def test_a_tail_torn_at_any_byte_costs_the_last_record_only(path):
    journal = Journal(str(path), 1000)
    journal.append(1, b"first")
    whole = journal.size
    journal.append(2, b"the last one")
    content = path.read_bytes()
    for length in range(whole, len(content)):
        path.write_bytes(content[:length])
        reopened = Journal(str(path), 1000)
        assert records(reopened) == [(1, b"first")], length
        reopened.append(3, b"x")
        assert records(Journal(str(path), 1000)) == [(1, b"first"), (3, b"x")], length


@pytest.mark.parametrize("tail", [b"\x00" * 40, b"\xff" * 40, b"\x02\xff\xff"])
def test_a_tail_of_erased_or_blank_flash_is_cut_off(path, tail):
    Journal(str(path), 1000).append(1, b"first")
    path.write_bytes(path.read_bytes() + tail)
    assert records(Journal(str(path), 1000)) == [(1, b"first")]
    assert os.stat(path).st_size == RECORD_BYTES + 5


def test_a_flipped_bit_ends_the_journal_before_its_record(path):
    journal = Journal(str(path), 1000)
    journal.append(1, b"first")
    start = journal.size
    journal.append(2, b"second")
    content = path.read_bytes()
    for position in range(start, len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0x10
        path.write_bytes(damaged)
        assert records(Journal(str(path), 1000)) == [(1, b"first")], position


def test_a_write_that_failed_halfway_is_cut_off_before_the_next(path, monkeypatch):
    journal = Journal(str(path), 1000)
    journal.append(1, b"first")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("flash is full")))
        with pytest.raises(OSError, match="full"):
            journal.append(2, b"torn")
    path.write_bytes(path.read_bytes()[:-3])
    assert records(journal) == [(1, b"first")]
    journal.append(3, b"next")
    assert records(Journal(str(path), 1000)) == [(1, b"first"), (3, b"next")]


def test_a_first_write_that_failed_does_not_keep_others_from_it(path, monkeypatch):
    journal = Journal(str(path), 1000)
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", lambda *_: (_ for _ in ()).throw(OSError("flash is full")))
        with pytest.raises(OSError, match="full"):
            journal.append(1, b"lost")
    journal.append(2, b"kept")
    assert records(Journal(str(path), 1000)) == [(2, b"kept")]


def test_a_rewrite_replaces_everything(path):
    journal = Journal(str(path), 1000)
    journal.append(1, b"old")
    journal.rewrite(iter([(2, b"new"), (3, b"newer")]))
    journal.append(4, b"newest")
    for seen in (journal, Journal(str(path), 1000)):
        assert records(seen) == [(2, b"new"), (3, b"newer"), (4, b"newest")]


def test_a_rewrite_cut_at_any_byte_leaves_the_old_content(path):
    journal = Journal(str(path), 1000)
    journal.append(1, b"old")
    other = Journal(str(path) + ".other", 1000)
    other.append(2, b"new")
    unfinished = path.with_name("journal.new")
    content = path.with_name("journal.other").read_bytes()
    for length in range(len(content) + 1):
        unfinished.write_bytes(content[:length])
        assert records(Journal(str(path), 1000)) == [(1, b"old")]
        assert not unfinished.exists()


def test_a_rewrite_in_steps_takes_in_what_is_appended_meanwhile(path):
    journal = Journal(str(path), 1000)
    for text in (b"1", b"2", b"3"):
        journal.append(1, text)
    steps = journal.rewrite_steps(following(journal))
    next(steps)
    journal.append(2, b"meanwhile")
    for _ in steps:
        pass
    assert records(journal) == [(1, b"1"), (1, b"2"), (1, b"3"), (2, b"meanwhile")]
    assert records(Journal(str(path), 1000)) == records(journal)


def test_a_rewrite_that_is_given_up_changes_nothing(path):
    journal = Journal(str(path), 1000)
    journal.append(1, b"old")
    steps = journal.rewrite_steps([(2, b"new"), (3, b"newer")])
    next(steps)
    steps.close()
    journal.append(1, b"next")
    assert records(Journal(str(path), 1000)) == [(1, b"old"), (1, b"next")]


def test_a_rewrite_that_would_pass_the_limit_leaves_the_old_content(path):
    journal = Journal(str(path), 40)
    journal.append(1, b"old")
    with pytest.raises(JournalFull):
        journal.rewrite([(2, b"x" * 40)])
    assert records(journal) == records(Journal(str(path), 40)) == [(1, b"old")]


PAYLOADS = st.lists(st.tuples(st.integers(1, 255), st.binary(max_size=60)), max_size=12)


@given(PAYLOADS, st.data())
def test_cutting_anywhere_leaves_a_prefix_of_what_was_written(tmp_path_factory, written, data):
    path = tmp_path_factory.mktemp("journal") / "journal"
    journal = Journal(str(path), 10_000)
    for kind, payload in written:
        journal.append(kind, payload)
    if not written:
        return
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    left = records(Journal(str(path), 10_000))
    assert left == written[: len(left)]
    assert len(left) == len(written) or cut < sum(RECORD_BYTES + len(p) for _, p in written)

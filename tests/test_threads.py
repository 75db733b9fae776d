"""BLAS's threads are held and given back, and tasks keep their order."""

import sys
import threading

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from threadpoolctl import threadpool_info

from skdl import KNNClassifier, _threads, _warnings
from skdl._interrupts import columns_kept
from skdl._threads import n_threads, one_blas_thread, thread_map
from skdl._validation import rows as validation


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_threads_are_limited_inside_and_restored_after_overlapping_uses():
    before = blas_threads()
    first, second = one_blas_thread(), one_blas_thread()
    first.__enter__()
    second.__enter__()
    assert blas_threads() == [1] * len(before)
    first.__exit__(None, None, None)
    assert blas_threads() == [1] * len(before)
    second.__exit__(None, None, None)
    assert blas_threads() == before


def test_blas_threads_are_restored_after_an_error():
    before = blas_threads()
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert blas_threads() == before


def test_blas_threads_are_restored_wherever_an_interrupt_falls():
    before, estimator = blas_threads(), KNNClassifier()
    for moment in range(200):
        left = moment

        def trace(frame, event, argument):
            nonlocal left
            if frame.f_code.co_filename != _threads.__file__ and frame.f_code.co_name != "to_the_end":
                return None
            if event in ("call", "return"):  # where the interpreter looks for signals; not between lines
                left -= 1
                if left == -1:
                    raise KeyboardInterrupt
            return trace

        was = sys.gettrace()
        try:
            with columns_kept(estimator):
                sys.settrace(trace)
                with one_blas_thread():
                    pass
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(was)
        assert blas_threads() == before, moment
        if left >= 0:  # it ended before the interrupt came
            break
    assert 10 < moment < 199


def test_none_is_one_thread():
    assert n_threads(None) == 1
    assert n_threads(3) == 3


@pytest.mark.parametrize("count", [1, 2, 5])
def test_threads_take_tasks_and_results_keep_their_order(count):
    ended = threading.Event()

    def task(i):
        if i == 9:
            ended.set()
        elif i == 0 and count > 1:  # the first one ends last, so that others have to take the rest
            assert ended.wait(60)
        return i, blas_threads(), threading.get_ident()

    with thread_map(count) as run:
        numbers, held, threads = zip(*run(task, range(10)), strict=True)
    assert numbers == tuple(range(10))
    assert all(set(each) == {1} for each in held)
    assert (len(set(threads)) == 1) == (count == 1)


@pytest.mark.parametrize("count", [1, 2])
def test_a_task_that_raises_does_so_to_the_caller(count):
    before = blas_threads()

    def fail(task):
        raise KeyError(task)

    with pytest.raises(KeyError), thread_map(count) as run:
        list(run(fail, [1, 2, 3]))
    assert blas_threads() == before


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("call", ["fit", "predict"])
def test_a_pass_over_all_rows_leaves_the_turn_to_others(call, order, monkeypatch):
    """Where scikit-learn's checks change the filters of warnings, threads wait; not for what takes long."""
    free, laid_out, finite = [], validation.laid_out, validation.assert_all_finite

    def turn_is_free():
        free.append(_warnings._turn.acquire(blocking=False))
        if free[-1]:
            _warnings._turn.release()

    def watched(function):
        def instead(*args, **kwargs):
            thread = threading.Thread(target=turn_is_free)
            thread.start()
            thread.join()
            return function(*args, **kwargs)

        return instead

    X, y = np.asarray(np.arange(40.0).reshape(20, 2), order=order), np.arange(20) % 2
    model = KNNClassifier(1).fit(X, y)
    monkeypatch.setattr(validation, "laid_out", watched(laid_out))
    monkeypatch.setattr(validation, "assert_all_finite", watched(finite))
    assert_array_equal(model.fit(X, y).predict(X) if call == "fit" else model.predict(X), y)
    assert free  # a plain array of floats is only looked at for what is not finite
    assert all(free)
    with pytest.raises(ValueError, match="NaN"):
        getattr(model, call)(*[np.full((20, 2), np.nan), y][: 2 if call == "fit" else 1])

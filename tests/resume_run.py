"""A small training that saves checkpoints, and one that kills it again and again.

    python tests/resume_run.py trainer FOLDER             trains, or resumes, until the end
    python tests/resume_run.py trainer FOLDER --kills 50  the same, killed at random instants

With `--kills` the training runs in forked processes (they need not import anything), which are
killed by SIGKILL, each at a random time after its training started, or at a random time after it
entered an update, or the writing of a checkpoint or log. A training that reaches its end is started
again in the next folder, until there were as many kills. One line of JSON lists the phases that
were hit.
"""

import argparse
import json
import mmap
import os
import signal
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import wengert.functions as F
from wengert import random
from wengert.config import no_grad, test_mode
from wengert.data import ArrayDataset, DataLoader, TransformDataset, load_digits
from wengert.data.transforms import Compose, RandomCrop, RandomFlip
from wengert.layers import BatchNorm, Conv2d, Dropout, Flatten, Linear, Sequential
from wengert.optimizers import Adam, ClipNorm, ExponentialMovingAverage
from wengert.schedules import cosine
from wengert.training import (
    Callback,
    Checkpoints,
    Confusion,
    CSVLog,
    JSONLinesLog,
    SaveCheckpoints,
    Scores,
    Trainer,
    every,
    macro_f1,
    save_state,
    state_file,
)
from wengert.training import log as log_file

EPOCHS = 3
STEPS = EPOCHS * 7  # of 16 samples of 100

PHASES = ["starting", "training", "update", "writing a checkpoint", "writing a log", "done"]
phase = mmap.mmap(-1, 1)  # shared with the forked process: its current or last phase
pause = 0.0  # seconds; makes updates and writing long enough to be hit in their middle


@contextmanager
def in_phase(name):
    before = phase[0]
    phase[0] = PHASES.index(name)
    yield
    phase[0] = before


class SlowAdam(Adam):
    """Adam, with a pause between one Parameter and the next."""

    def update_one(self, *args, **options):
        with in_phase("update"):
            super().update_one(*args, **options)
            time.sleep(pause)


class SlowFile:
    """A file, with a pause after each write."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        count = self.file.write(data)
        self.file.flush()
        time.sleep(pause / 10)
        return count

    def __getattr__(self, name):
        return getattr(self.file, name)


def slow_down(seconds):
    """Makes updates and writing long enough to be hit in their middle, and notes the phases."""
    global pause
    pause = seconds
    replacing, append = state_file.replacing, log_file.FileLog.append

    @contextmanager
    def slowly_replacing(path):
        with in_phase("writing a checkpoint"):
            with replacing(path) as file:
                yield SlowFile(file)
                time.sleep(pause)
            time.sleep(pause)

    def slowly_append(self, text):
        with in_phase("writing a log"):
            append(self, text)
            time.sleep(pause)

    state_file.replacing = slowly_replacing
    log_file.FileLog.append = slowly_append


# ---- The training, with the Trainer and with a hand-written loop ----


def data(workers=0):
    """Loaders of 100 images to train on, augmented at random, and 40 to validate with."""
    images, labels = load_digits()[:140]
    change = Compose(RandomCrop(8, padding=1), RandomFlip())
    to_train = TransformDataset(ArrayDataset(images[:100], labels[:100]), change)
    to_validate = ArrayDataset(images[100:], labels[100:])
    return (
        DataLoader(to_train, 16, seed=3, workers=workers),
        DataLoader(to_validate, 20, shuffle=False, seed=4),
    )


def parts():
    random.seed(0)
    model = Sequential(
        *(Conv2d(6, 3, in_size=1), BatchNorm(6), F.relu, Dropout(0.25)),
        *(Flatten(), Dropout(0.1), Linear(10, in_size=6 * 6 * 6)),
    )
    optimizer = SlowAdam(cosine(0.01, steps=STEPS)).setup(model).add_hook(ClipNorm(0.5))
    return {
        "model": model,
        "optimizer": optimizer,
        "average": ExponentialMovingAverage(model, 0.9),
    }


class Steps(Callback):
    """Notes that the training has started, and calls a function of the step."""

    def __init__(self, after_step):
        self.after_step = after_step

    def on_start(self, trainer):
        phase[0] = PHASES.index("training")

    def on_step(self, trainer):
        if self.after_step:
            self.after_step(trainer.step)


def by_trainer(folder, *, after_step=None, workers=0):
    """Trains until the end, with the Trainer; saves after every 3 steps and the best."""
    made = parts()
    trainer = Trainer(
        made["model"],
        made["optimizer"],
        F.softmax_cross_entropy,
        metrics=[F.accuracy, Confusion(10, macro_f1)],
        average=made["average"],
        clip_norm=0.5,
        callbacks=[
            SaveCheckpoints(folder, every(3, "steps"), best="validation_loss"),
            CSVLog(folder / "epochs.csv"),
            JSONLinesLog(folder / "steps.jsonl", every(1, "steps")),
            Steps(after_step),
        ],
        progress=False,
    )
    trainer.fit(*data(workers), EPOCHS, resume=True)
    return trainer.state_dict()


def by_hand(folder, *, after_step=None, workers=0):
    """Trains until the end, in a hand-written loop; saves after every step and the best."""
    made = parts()
    model, optimizer, average = made["model"], made["optimizer"], made["average"]
    to_train, to_validate = data(workers)
    made |= {
        "loader": to_train,
        "scores": Scores([F.accuracy, Confusion(10, macro_f1)]),
        "log": JSONLinesLog(folder / "log.jsonl"),
    }
    scores, log = made["scores"], made["log"]
    checkpoints = Checkpoints(folder)
    values = checkpoints.load(**made) or {"epoch": 0, "history": []}
    epoch, history = values["epoch"], values["history"]
    log.on_start(None)
    phase[0] = PHASES.index("training")
    while epoch < EPOCHS:
        for x, t in to_train:
            y = model(x)
            loss = F.softmax_cross_entropy(y, t)
            model.cleargrads()
            loss.backward()
            optimizer.update()
            average.update()
            scores.update(y, t, loss=loss)
            log.write({"step": optimizer.steps, "loss": float(loss)})
            if after_step:
                after_step(optimizer.steps)
            checkpoints.save(optimizer.steps, **made, epoch=epoch, history=history)
        epoch += 1
        validation = Scores()
        with average.swapped_in(), no_grad(), test_mode():
            for x, t in to_validate:
                validation.add(len(t), {"loss": F.softmax_cross_entropy(model(x), t)})
        score = validation.compute()["loss"]
        history.append({"epoch": epoch, "validation_loss": score, **scores.compute()})
        scores.reset()
        checkpoints.save_best(optimizer.steps, score, **made, epoch=epoch, history=history)
        log.write(history[-1])
    states = {name: part.state_dict() for name, part in made.items()}
    return {"parts": states, "history": history, "random": random.get_state()}


LOOPS = {"trainer": by_trainer, "hand": by_hand}


def run(kind, folder, **options):
    """Trains until the end, and writes the final state."""
    folder.mkdir(parents=True, exist_ok=True)
    save_state(folder / "final.npz", LOOPS[kind](folder, **options))


# ---- Killing it ----


def kill_again_and_again(kind, folder, kills, seed):
    """Trains in folder/0, folder/1, … until so many kills, and completes the last training."""
    draw = np.random.default_rng(seed)
    hit, runs = Counter(), 0
    while hit.total() < kills:
        target = draw.choice(["training", "training", "update", "writing a checkpoint"])
        delay = draw.uniform(0, 0.4 if target == "training" else 0.005)
        at = kill_one(kind, folder / str(runs), target, draw.integers(1, 12), delay)
        if at is None:
            runs += 1
        else:
            hit[at] += 1
    run(kind, folder / str(runs))
    return {"kills": hit.total(), "runs": runs + 1, "phases": dict(hit)}


def kill_one(kind, folder, target, times, delay):
    """Kills a training `delay` seconds after it has started, or has entered a phase so many times.

    Returns:
        The phase in which it was killed; None if it reached its end before.
    """
    phase[0] = 0
    process = os.fork()
    if process == 0:
        try:
            run(kind, folder)
            phase[0] = PHASES.index("done")
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    before = 0
    while not (done := os.waitpid(process, os.WNOHANG))[0]:
        now = phase[0]
        times -= now != before and PHASES[now] == target
        before = now
        if times <= 0 or (now and target == "training"):
            time.sleep(delay)
            os.kill(process, signal.SIGKILL)
            done = os.waitpid(process, 0)
            break
        time.sleep(0.0002)
    status = done[1]
    if os.WIFSIGNALED(status):
        return PHASES[phase[0]]
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{kind} in {folder} ended with an error")
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=LOOPS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.kills:
        slow_down(0.001)
        print(json.dumps(kill_again_and_again(args.kind, args.folder, args.kills, args.seed)))
    else:
        print("ready", flush=True)
        run(args.kind, args.folder)


if __name__ == "__main__":
    main()

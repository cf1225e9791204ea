"""What `lth` says about itself. Imports nothing heavy, so that help is there at once."""

COMMANDS = {
    "run": "find lottery tickets: an experiment of many trainings, with its controls",
    "fit": "train once, dense or sparse",
    "validate": "measure a checkpoint on the validation images",
    "test": "measure a checkpoint on the test images",
    "predict": "classify the test images with a checkpoint",
    "status": "what an experiment has done, what failed, what is left and how long it takes",
    "analyze": "compare the networks of an experiment: barriers between rounds, distances, weight correlation",
    "report": "draw an experiment: report.html, its figures and its table",
    "export": "write a trained network without the channels that nothing reads",
    "bench": "time a training step against a loop by hand, and say where its time goes",
    "configs": "list the shipped configs",
}
OPTIONS = {
    "config": "a shipped config (lth configs lists them) or a YAML file; of several, later ones win",
    "folder": "where to write; the same command line resumes what is there",
    "seeds": "one replicate each, such as [0,1,2]; [0] by default",
    "track": "curves in Weights & Biases: wandb, offline or none, the default",
    "save_seconds": "how often a running training is saved; 20 by default",
    "replicas": "how many trainings step at once, for GPUs: a number, or auto to measure; 1 by default",
    "retry": "true tries trainings again that failed (diverged, out of memory); false by default",
    "trial": "true tries a study out: two rounds, one seed, the ends of every axis; debug sets it",
    "claims": "what the report judges: says, of, minus, at, lies or moves",
    "bar.tolerance": "how far below dense a winning ticket may be; by default the paper's for the data",
    "bar.gap": "by how much it has to beat its controls; 0.005 by default",
    "bar.nontrivial": "the density that it has to be below; 0.4 by default",
    "bar.epochs": "how long a sufficient training is; by default the given one is taken to be",
    "bar.alpha": "the rate of false wins; 0.05 by default",
    "analyses": "what to look at, such as [{class_path: Planes, init_args: {number: 31}}]",
    "jobs": "share a study, or several seeds, among so many processes of this machine, and its GPUs",
    "slurm": "submit it to SLURM as an array of so many tasks at most, which share what is left to do",
    "prunable.include": "patterns of names of weights to prune; ['*'] by default",
    "prunable.exclude": "patterns of names of weights to leave dense, such as [net.head.weight]",
    "ckpt_path": "the checkpoint, such as runs/imp/seed-0/round-01/last.ckpt",
    "output": "the CSV file to write; by default predictions.csv beside the checkpoint",
    "to": "where to write; by default export in the training's folder",
    "formats": "forms to write beside weights.pt: torch.export, TorchScript, ONNX; [pt2,ts,onnx] by default",
    "turns": "how often each way is timed; 7 by default",
    "at_once": "how many trainings to time at once, such as [2,4,8]; [2] by default, and on a GPU [1,2,4,8,16]",
    "print_config": "print the whole configuration that the rest of the line gives, and stop",
    "help_all": "the same with all options of Lightning's Trainer",
    "debug": "show the traceback of an error",
}
_VALUES = {
    **{"folder": "FOLDER", "config": "NAME", "seeds": "LIST", "track": "WHERE", "save_seconds": "SECONDS"},
    "replicas": "NUMBER",
    **{
        "trial": "BOOL",
        "claims": "LIST",
        "analyses": "LIST",
        "slurm": "NUMBER",
        "jobs": "NUMBER",
        "bar.epochs": "NUMBER",
    },
    **dict.fromkeys(("bar.tolerance", "bar.gap", "bar.nontrivial", "bar.alpha"), "SHARE"),
    **{"retry": "BOOL", "prunable.include": "LIST", "prunable.exclude": "LIST", "ckpt_path": "FILE", "output": "FILE"},
    **{"to": "FOLDER", "formats": "LIST", "turns": "NUMBER", "at_once": "LIST"},
}
_TRAINING = ("config", "folder", "seeds", "track", "save_seconds", "replicas", "retry", "trial", "claims", "analyses")
_BAR = ("bar.tolerance", "bar.gap", "bar.nontrivial", "bar.epochs", "bar.alpha")
_PRUNABLE = ("prunable.include", "prunable.exclude")
_ALWAYS = ("print_config", "help_all", "debug")
OPTIONS_OF = {
    "run": (*_TRAINING, *_BAR, *_PRUNABLE, "jobs", "slurm", *_ALWAYS),
    "fit": (*_TRAINING, *_BAR, *_PRUNABLE, *_ALWAYS),
    "validate": ("config", "ckpt_path", *_ALWAYS),
    "test": ("config", "ckpt_path", *_ALWAYS),
    "predict": ("config", "ckpt_path", "output", *_ALWAYS),
    "status": ("debug",),
    "analyze": ("config", "analyses", "debug"),
    "report": ("debug",),
    "export": ("to", "formats", "debug"),
    "bench": ("config", "turns", "at_once", *_ALWAYS),
    "configs": ("debug",),
}
_MEASURE = "--config runs/imp/config.yaml --ckpt_path runs/imp/seed-0/round-01/last.ckpt"
EXAMPLES = {
    "run": (
        "--config digits --config imp --folder runs/imp",
        "--config digits --config imp --config mine.yaml --folder runs/mine --seeds [0,1,2] --experiment.rounds 5",
    ),
    "fit": (
        "--config digits --folder runs/dense",
        "--config resnet20_cifar10 --config random --folder runs/random --trainer.max_epochs 10",
    ),
    "validate": (_MEASURE,),
    "test": (_MEASURE,),
    "predict": (_MEASURE,),
    "status": ("runs/imp",),
    "analyze": ("runs/imp",),
    "report": ("runs/imp",),
    "export": ("runs/imp/seed-0/round-01", "runs/imp/seed-0/round-01 --to smaller --formats [onnx]"),
    "bench": ("--config resnet20_cifar10", "--config resnet20_cifar10 --at_once [4,8] --trainer.precision bf16-mixed"),
    "configs": ("",),
}
_KEYS = """any key of a config is an option too, such as:
  --data.batch_size 64
  --model.net.width 0.5
  --model.optimizer.lr 0.01
  --trainer.max_epochs 10"""
_RUN_KEYS = """
  --experiment.rounds 5         lth run --experiment.help IterativePruning lists that experiment's"""


def overview() -> str:
    """The commands, a line each, with an example."""
    lines = [f"  {name:9} {text}" for name, text in COMMANDS.items()]
    example = f"example:  lth run {EXAMPLES['run'][0]}"
    return "\n".join(["usage: lth COMMAND ...", "", *lines, "", example, "options:  lth COMMAND --help"])


def of(command: str) -> str:
    """A command's examples and options."""
    lines = [f"lth {command}: {COMMANDS[command]}", ""]
    lines += [f"  lth {command} {example}".rstrip() for example in EXAMPLES[command]]
    lines += ["", "options:"]
    for name in OPTIONS_OF[command]:
        option = f"--{name} {_VALUES.get(name, '')}"
        lines.append(f"  {option:29} {OPTIONS[name]}")
    keys = ["", _KEYS + (_RUN_KEYS if command == "run" else "")] if "config" in OPTIONS_OF[command] else []
    return "\n".join([*lines, *keys])

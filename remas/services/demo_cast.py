"""Who and what the demo cluster consists of."""

from dataclasses import dataclass

GIB = 2**30

RESOURCES = (  # name, unit, description, aliases, what measures it
    ("cpu", "", "Processor cores", ("cores", "core"), "cpu"),
    ("memory", "Bytes (IEC)", "Main memory", ("RAM",), "memory"),
    ("gpu", "", "Graphics processors", ("GPUs", "cuda"), "gpu"),
)

NODES = tuple(
    (f"{family}{number}", description, capacities)
    for family, count, description, capacities in (
        ("c", 4, "64 cores", {"cpu": 64, "memory": 256 * GIB}),
        ("m", 2, "Big memory", {"cpu": 96, "memory": 2048 * GIB}),
        ("g", 3, "4 GPUs", {"cpu": 48, "memory": 384 * GIB, "gpu": 4}),
        ("h", 3, "8 GPUs", {"cpu": 128, "memory": 1024 * GIB, "gpu": 8}),
    )
    for number in range(1, count + 1)
)

GROUPS = (  # name, description, whether its members share statistics
    ("Vision", "Images and video", True),
    ("Language", "Speech and text", True),
    ("Genomics", "Sequences and structures; projects under embargo", False),
    ("Students", "Theses and courses", True),
)

PEOPLE = (
    ("alice", "Alice", "Novák", "Vision"),
    ("bruno", "Bruno", "Carvalho", "Vision"),
    ("chen", "Chen", "Wei", "Vision"),
    ("dora", "Dora", "Horvat", "Vision"),
    ("emil", "Emil", "Lindqvist", "Language"),
    ("farah", "Farah", "Haddad", "Language"),
    ("goran", "Goran", "Petrov", "Language"),
    ("hana", "Hana", "Svobodová", "Language"),
    ("ivan", "Ivan", "Moreau", "Genomics"),
    ("jo", "Jo", "O'Neill", "Genomics"),
    ("kira", "Kira", "Tanaka", "Genomics"),
    ("luca", "Luca", "Bianchi", "Genomics"),
    ("maya", "Maya", "Schmidt", "Students"),
    ("nils", "Nils", "Berg", "Students"),
    ("olga", "Olga", "Kowalska", "Students"),
)

LIMITS = (  # name, resource, amount, scope, group, username
    ("GPUs at a time", "gpu", 16, "total", "Users", None),
    ("GPUs for students", "gpu", 4, "total", "Students", None),
    ("Cores for students", "cpu", 48, "each_node", "Students", None),
    ("Thesis of Maya", "gpu", 8, "total", None, "maya"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work: on which family of nodes, how many of them, how long, what share of each."""

    family: str
    titles: tuple[str, ...]
    description: str
    tag: str
    resources: tuple[str, ...]
    hours: tuple[int, ...]
    nodes: tuple[int, ...]
    shares: tuple[float, ...]


KINDS = (
    Kind(
        "h",
        ("Pretraining, run 3", "Diffusion ablation", "Multi-node fine-tuning", "Scaling study"),
        "Checkpoints every two hours.",
        "training",
        ("cpu", "memory", "gpu"),
        (6, 12, 24, 36, 48),
        (1, 1, 1, 2),
        (0.25, 0.5, 0.5, 1.0),
    ),
    Kind(
        "g",
        ("Segmentation baseline", "Speech recogniser", "Hyperparameter sweep", "Course project"),
        "Can be moved if somebody is in a hurry.",
        "experiments",
        ("cpu", "memory", "gpu"),
        (2, 4, 6, 12, 24),
        (1, 1, 1, 2),
        (0.25, 0.25, 0.5, 1.0),
    ),
    Kind(
        "m",
        ("Genome assembly", "Variant calling", "Index of the corpus", "Phylogeny"),
        "Needs the memory in one piece.",
        "assembly",
        ("cpu", "memory"),
        (4, 8, 12, 24),
        (1,),
        (0.25, 0.5, 0.75),
    ),
    Kind(
        "c",
        ("Preprocessing", "Feature extraction", "Monte Carlo", "Nightly evaluation"),
        "",
        "batch",
        ("cpu", "memory"),
        (1, 2, 3, 6, 12),
        (1, 1, 2, 3),
        (0.25, 0.5, 0.5, 1.0),
    ),
)

"""What is counted about the running service; `/metrics` shows it."""

from prometheus_client import Counter, Histogram

REQUESTS = Histogram(
    "remas_http_request_seconds", "Time of an HTTP request.", ["method", "endpoint", "status"]
)
BOOKINGS = Counter(
    "remas_bookings", "Bookings, changes, cancellations and releases.", ["action", "outcome"]
)
ANSWERS = Counter("remas_solver_answers", "Answers of the core.", ["status"])
ANSWER_SECONDS = Histogram(
    "remas_solver_answer_seconds",
    "Time of an answer, by part: reading rows, sweeping, building models, CP-SAT.",
    ["part"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5),
)

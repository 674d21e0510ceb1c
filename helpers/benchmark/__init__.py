"""How fast, how large and how good: models, backends and searches measured on this machine, and the course itself.

`helpers.timing` holds the method, interleaved rounds with medians and spread; what lessons use of it can be imported from here.
`benchmark_models` compares models, `roofline` says how near they come to the machine's limit, `time_the_course` times the lessons.
"""

from helpers.benchmark.course_times import free_port, start_and_stop_lab, time_the_course, wait_until_it_answers
from helpers.benchmark.models import Stopped, benchmark_models
from helpers.benchmark.report import Report, Row
from helpers.benchmark.roofline import flops, matmul_rate, share
from helpers.timing import Result, Timing, describe_machine, describe_versions, measure, peak_memory

__all__ = [
    "Report",
    "Result",
    "Row",
    "Stopped",
    "Timing",
    "benchmark_models",
    "describe_machine",
    "describe_versions",
    "flops",
    "free_port",
    "matmul_rate",
    "measure",
    "peak_memory",
    "share",
    "start_and_stop_lab",
    "time_the_course",
    "wait_until_it_answers",
]

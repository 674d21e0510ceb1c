"""How fast, how large and how good: models, backends and searches measured on this machine, and the course itself.

`helpers.timing` holds the method, interleaved rounds with medians and spread; what lessons use of it can be imported from here.
"""

from helpers.benchmark.course_times import free_port, start_and_stop_lab, time_the_course, wait_until_it_answers
from helpers.timing import Result, Timing, describe_machine, describe_versions, measure, peak_memory

__all__ = [
    "Result",
    "Timing",
    "describe_machine",
    "describe_versions",
    "free_port",
    "measure",
    "peak_memory",
    "start_and_stop_lab",
    "time_the_course",
    "wait_until_it_answers",
]

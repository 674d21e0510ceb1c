"""The course as data: its registry, the way from a lesson's source to its notebook, and the gates that keep both true."""

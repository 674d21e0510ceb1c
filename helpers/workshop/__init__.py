"""The workshop kit, made from the course itself so that it cannot drift: slides, syllabus, instructor notes, and a bundle.

What a teacher needs and no lesson says (where to pause, what to leave out, what is misunderstood) stands in notebooks/workshop.toml;
all else is derived from course.toml, the stored notebooks and the exercises.
"""

"""Coverage-guided fuzzing of all that reads bytes or text from outside.

`python -m tests.fuzz` runs it (`make fuzz`); `test_corpus.py` runs the corpus with the other tests.
"""

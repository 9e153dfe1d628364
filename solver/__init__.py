"""The core: says whether a request fits, finds its earliest slot, and says why not.

Pure: standard library, numpy and OR-Tools. It knows no web and no database and reads no clock.
Times are whole minutes since 1970-01-01 UTC, intervals half-open, amounts exact integers.
"""

"""`python -m neanelu` is the same program as `neanelu`."""

from neanelu.cli import main

if __name__ == "__main__":
    main()

"""`python -m kalm_data`."""

from kalm_data.cli.app import main

main()

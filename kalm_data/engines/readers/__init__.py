"""Opens what users have: files, folders, standard input, data sets; yields rows, one at a time.

A bad row is a value (`BadRow`) that the import counts; a bad file is an InputError.
"""

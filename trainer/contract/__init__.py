"""The contract between the web application and the training programs.

Both sides import this package and nothing else of each other. It knows files, rows and
configurations; it never imports torch, so the web process can read it at no cost.
"""

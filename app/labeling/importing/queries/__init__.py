"""SQL of imports: ``rows`` finds and writes them, ``beside`` makes them in a file of their own first."""

"""What the rows of a file mean: ``reading`` is the door, beside it one module for each family of shapes."""

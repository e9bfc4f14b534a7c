"""How texts are entered: counted where a campaign asks for it and the person agrees, and nowhere else."""

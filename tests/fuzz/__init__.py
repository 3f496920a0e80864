"""A differential fuzz: the gate's output beside real tree builders, each of which counts as a browser."""

"""Shows what a spec makes of training photos before a run starts: a process of its own, asked by whaletui."""

"""Runs as processes: the queue and its keeper, supervisors, GPU slots, liveness. Only here are processes started."""

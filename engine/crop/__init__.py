"""Boxes around flukes, and photos cut to them."""

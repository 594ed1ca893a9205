"""Looks: what makes two icons the same to the eye.

A look is computed from one frame of an icon (`look`), in several canonical forms (`forms`); rules decide
when two looks are the same (`rules`); the index finds looks near a given one (`index`). This room knows
hashing and matching, and nothing of sites, databases or HTTP.
"""

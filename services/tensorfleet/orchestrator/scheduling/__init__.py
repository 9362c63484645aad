"""The rules that decide which task runs where and when: pure functions of values and `now`.

`waiting` and `offers` are what they look at; `order` says which waiting task is next, `placement`
on which worker, `matching` brings both together, `reservations` keeps room for gangs, exclusive
tasks and those that others make room for, `preemption` chooses who makes room, `explanation` says
why something waits. No clock, no I/O, no random: the simulation runs the very same functions.
"""

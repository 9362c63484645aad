"""Queues and leases in Redis: everything here can be rebuilt from MongoDB.

Keys:
    job:queue:high|normal|low  sorted sets of lines, by when each was last served, in ms
    job:line:<id>              sorted set of a line's entries, by since when they wait, in ms
    job:queue:delayed          sorted set of "<line> <entry>", by from when it may wait, in ms
    job:lines                  hash: what each line is, as JSON (`line_codec`)
    job:gangs                  hash: the members of each waiting gang, as JSON
    job:leases                 sorted set of running members, by expiry in ms
    job:running                hash: the line of each running member
    job:usage                  hash: what projects and tenants hold
    job:starts                 list: when the latest claims were, in ms
    job:reservations           hash: which room is kept for which entry (`reservation_store`)
    workers:offers             hash: the room of each attached worker (`fleet_view`)
    workers:name:<id>          the agent that bears a name, for a lease (`worker_names`)
    job:queue:built            present once the queue was rebuilt since Redis lost its data
    workers:seen               sorted set of worker ids, by when they were last heard of in ms
A member is an attempt, "<task id>#<number>"; an entry is a member or "gang:<job id>#<number>".
Times are Redis' own, so that orchestrators with different clocks agree.
"""

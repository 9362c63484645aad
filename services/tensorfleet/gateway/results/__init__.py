"""Results of jobs as answers: tables, reports and pictures, worked out in a process of their own.

The gateway's process fetches and hands on (`job_answers`, `task_pages`, `analyst`); only the other
one (`analyst_process`) knows kinds, numpy, matplotlib and pyarrow, and it is there only while it
is used.
"""

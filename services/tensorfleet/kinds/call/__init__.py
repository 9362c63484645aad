"""Call jobs: run one Python function many times, in processes that stay."""

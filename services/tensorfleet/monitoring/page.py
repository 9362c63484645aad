"""The status page: one HTML document with its style inside, readable without JavaScript."""

import base64
import hashlib

REFRESH_SECONDS = 5

STYLE = """
:root {
  --back: #f4f6fa; --card: #ffffff; --line: #dfe4ee; --text: #182033; --soft: #5d6881;
  --healthy: #12805c; --degraded: #b26a00; --down: #c62f3b; --unknown: #77809a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #0e131f; --card: #171e2e; --line: #28324a; --text: #e8ecf6; --soft: #98a3bd;
    --healthy: #35c28f; --degraded: #f0a63a; --down: #ff6b73; --unknown: #8b95ae;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 48px; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: 12px 18px; }
h1 { font-size: 24px; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 16px; margin: 36px 0 12px; }
.soft { color: var(--soft); }
.when { margin-left: auto; font-size: 13px; }
.pill {
  display: inline-flex; align-items: center; gap: 7px; padding: 3px 12px; border-radius: 99px;
  border: 1px solid currentColor; font-size: 13px; font-weight: 600;
}
.dot { width: 9px; height: 9px; border-radius: 50%; background: currentColor; flex: none; }
.healthy, .online { color: var(--healthy); }
.degraded, .draining { color: var(--degraded); }
.down { color: var(--down); }
.unknown, .offline { color: var(--unknown); }
.grid {
  display: grid; gap: 12px; margin: 24px 0 0; padding: 0; list-style: none;
  grid-template-columns: repeat(auto-fill, minmax(240px, 1fr));
}
.card {
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 14px 16px;
  border-left: 4px solid var(--edge, var(--line));
}
.card.is-healthy { --edge: var(--healthy); }
.card.is-degraded { --edge: var(--degraded); }
.card.is-down { --edge: var(--down); }
.card h3 { display: flex; align-items: center; gap: 8px; font-size: 15px; margin: 0; }
.card h3 span:last-child { margin-left: auto; font-size: 13px; font-weight: 600; }
.card p { margin: 6px 0 0; font-size: 13px; overflow-wrap: anywhere; }
.table { overflow-x: auto; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 9px 14px; text-align: left; white-space: nowrap; }
th { font-size: 12px; font-weight: 600; color: var(--soft); }
td { border-top: 1px solid var(--line); }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.state { font-weight: 600; }
"""

# The page may use this one style and nothing else.
_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; frame-ancestors 'none'"
)

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{{ refresh_seconds }}">
<title>TensorFleet: {{ health.status }}</title>
<link rel="icon" href="data:,">
<style>{{ style|safe }}</style>
</head>
<body>
<main>
<header>
<h1>TensorFleet</h1>
<span class="pill {{ health.status }}"><span class="dot"></span>{{ health.status }}</span>
<span class="when soft">{% if health.check_time -%}
last look {{ health.check_time.strftime("%Y-%m-%d %H:%M:%S") }} UTC
{%- else -%}no look yet{%- endif %}</span>
</header>
<ul class="grid">
{% for part in health.components %}
<li class="card is-{{ part.status }}">
<h3><span class="dot {{ part.status }}"></span>{{ part.name }}
<span class="{{ part.status }}">{{ part.status }}</span></h3>
<p class="soft">checked {{ part.check_time.strftime("%H:%M:%S") }} in {{ part.latency_ms }} ms</p>
{% if part.message %}<p>{{ part.message }}</p>{% endif %}
</li>
{% endfor %}
</ul>
<h2>Workers</h2>
{% if health.workers %}
<div class="table">
<table>
<thead><tr><th>Worker</th><th>State</th><th>Host</th><th class="number">Tasks</th>
<th class="number">CPUs</th><th class="number">Memory</th><th class="number">GPUs</th>
<th>Last seen</th><th>Version</th></tr></thead>
<tbody>
{% for worker in health.workers %}
<tr>
<td>{{ worker.id }}</td>
<td class="state {{ worker.state }}">{{ worker.state }}</td>
<td>{{ worker.hostname }}</td>
<td class="number">{{ worker.running_task_count }} of {{ worker.slots }}</td>
<td class="number">{{ "%g"|format(worker.cpus) }}</td>
<td class="number">{{ "%.1f"|format(worker.memory_bytes / 1073741824) }} GiB</td>
<td class="number">{{ worker.gpus }}</td>
<td>{% if worker.last_seen_time -%}
{{ worker.last_seen_time.strftime("%Y-%m-%d %H:%M:%S") }} UTC{% endif %}</td>
<td>{{ worker.version }}</td>
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% else %}
<p class="soft">No worker is attached.</p>
{% endif %}
</main>
</body>
</html>
"""

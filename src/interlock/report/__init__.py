"""What people read: the HTML report, summaries, and charts drawn as SVG."""

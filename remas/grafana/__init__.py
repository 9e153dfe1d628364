"""What should be in Grafana, and how to get there from what is. Grafana itself is spoken to by
remas/clients/grafana.py; what people reserved is read by remas/services/watching.py.
"""

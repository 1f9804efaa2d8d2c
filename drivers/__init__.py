"""One peripheral a module. The only code beside boot.py that knows machine, network and esp32."""

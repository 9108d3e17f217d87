# pymodbus as SCADA: identifies the device once, then polls two units and moves a setpoint.
import sys
import time

from pymodbus.client import ModbusTcpClient
from pymodbus.mei_message import ReadDeviceInformationRequest

c = ModbusTcpClient(sys.argv[1])
c.connect()
for code in (1, 2):
    request = ReadDeviceInformationRequest(code, 0)
    request.unit_id = 1
    c.execute(request)
for i in range(60):
    c.read_holding_registers(0, 16, slave=1 + i % 2)
    if i % 20 == 10:
        c.write_register(40, 500 + i, slave=1)
    time.sleep(0.1)
c.close()

# A Modbus server of Debian's python3-pymodbus (3.0): server.py ADDRESS PORT
import asyncio
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.server import StartAsyncTcpServer

words = [0] * 50100
text = b"PLATE-77"
for i in range(0, len(text), 2):
    words[1000 + i // 2] = text[i] << 8 | text[i + 1]
store = ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, words), ir=ModbusSequentialDataBlock(0, words), zero_mode=True)
identity = ModbusDeviceIdentification(info_name={
    "VendorName": "Pymodbus", "ProductCode": "PM", "MajorMinorRevision": "3.0", "VendorUrl": "http://example.org/",
    "ProductName": "Pymodbus Server", "ModelName": "Pymodbus Model",
})


async def main():
    asyncio.get_running_loop().call_later(1, lambda: print("ready", flush=True))
    await StartAsyncTcpServer(context=ModbusServerContext(slaves=store, single=True), identity=identity, address=(sys.argv[1], int(sys.argv[2])))


asyncio.run(main())

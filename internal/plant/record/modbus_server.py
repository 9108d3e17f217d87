# pymodbus as gateway or drive: holding registers and a device identification.
import sys

from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.server import StartTcpServer

host, vendor, code, revision, product, model = sys.argv[1:]
unit = lambda: ModbusSlaveContext(hr=ModbusSequentialDataBlock(0, [(i * 37) % 1000 for i in range(200)]), zero_mode=True)
identity = ModbusDeviceIdentification(info_name={
    "VendorName": vendor, "ProductCode": code, "MajorMinorRevision": revision,
    "VendorUrl": "http://www.example.com", "ProductName": product, "ModelName": model,
})
StartTcpServer(context=ModbusServerContext({1: unit(), 2: unit()}, single=False), identity=identity, address=(host, 502))

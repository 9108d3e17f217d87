// A Modbus server of the npm package modbus-serial: server.js ADDRESS PORT
const { ServerTCP } = require('modbus-serial')
const text = Buffer.from('PLATE-78')
const vector = {
  getInputRegister: (address) => address >= 1000 && address < 1004 ? text.readUInt16BE(2 * (address - 1000)) : 0,
  getHoldingRegister: () => 0,
  readDeviceIdentification: () => ({ 0x00: 'ACME', 0x01: 'MS-1', 0x02: '2.1' })
}
const server = new ServerTCP(vector, { host: process.argv[2], port: Number(process.argv[3]), unitID: 1 })
server.on('initialized', () => console.log('ready'))

// nodes7 against one controller: polls process values, or writes a setpoint.
const nodes7 = require('nodes7');
const [host, what] = process.argv.slice(2);
const tags = { SPEED: 'DB1,REAL0', LEVEL: 'DB1,REAL4', TEMP: 'DB1,INT8', RUN: 'DB1,X10.0', SETPOINT: 'DB1,REAL12' };
const plc = new nodes7({ silent: true });
plc.initiateConnection({ port: 102, host, rack: 0, slot: 2 }, (err) => {
  if (err) { console.error(err); process.exit(1); }
  plc.setTranslationCB((t) => tags[t]);
  plc.addItems(['SPEED', 'LEVEL', 'TEMP', 'RUN']);
  what === 'write' ? write(3) : poll(60);
});
function poll(left) {
  if (left === 0) return plc.dropConnection(() => process.exit(0));
  plc.readAllItems(() => setTimeout(() => poll(left - 1), 100));
}
function write(left) {
  if (left === 0) return plc.dropConnection(() => process.exit(0));
  plc.writeItems('SETPOINT', 80 + left, () => setTimeout(() => write(left - 1), 300));
}

// st-ethernet-ip as scanner: browses, reads and writes tags, or keeps a class 1 connection.
const { Controller, Browser, Tag, IO } = require('st-ethernet-ip');
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const [what, host, local] = process.argv.slice(2);

async function tags() {
  const plc = new Controller(true);
  await plc.connect(host, 0);
  const speed = new Tag('Filler_Speed'), level = new Tag('Tank_Level'), recipe = new Tag('Recipe_Setpoint', null, 0xca);
  for (let i = 0; i < 40; i++) {
    await plc.readTag(speed);
    await plc.readTag(level);
    if (i === 20) { recipe.value = 82.5; await plc.writeTag(recipe); }
    await wait(100);
  }
  await plc.disconnect();
}

function list() {
  new Browser(51687, '0.0.0.0', true, 500);
  return wait(800);
}

function io() {
  const scanner = new IO.Scanner(2222, local);
  scanner.addConnection({ configInstance: { assembly: 102, size: 0 }, outputInstance: { assembly: 101, size: 4 }, inputInstance: { assembly: 100, size: 8 } }, 100, host);
  return wait(8000);
}

({ tags, list, io })[what]().then(() => process.exit(0), (e) => { console.error(e); process.exit(1); });

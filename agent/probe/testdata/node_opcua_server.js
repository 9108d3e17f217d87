// An OPC UA server of the npm package node-opcua-server: server.js ADDRESS PORT DIRECTORY [WORD]...
// It writes its certificate to DIRECTORY/server.der. Words: "no-none" offers no way in without
// security, "no-discovery" refuses channels without security altogether, "strict" trusts only the
// clients whose certificates lie in DIRECTORY/pki/trusted/certs.
const fs = require('fs')
const path = require('path')
const { OPCUAServer } = require('node-opcua-server')
const { MessageSecurityMode, SecurityPolicy } = require('node-opcua-secure-channel')
const { OPCUACertificateManager } = require('node-opcua-certificate-manager')
const { nodesets } = require('node-opcua-nodesets')

async function main () {
  const [, , host, port, dir, ...words] = process.argv
  const is = (word) => words.includes(word)
  const manager = (name) => new OPCUACertificateManager({ rootFolder: path.join(dir, name), automaticallyAcceptUnknownCertificate: !is('strict') })
  const none = is('no-none') || is('no-discovery') ? [] : [MessageSecurityMode.None]
  const server = new OPCUAServer({
    host,
    hostname: host,
    port: Number(port),
    nodeset_filename: [nodesets.standard, nodesets.di],
    serverCertificateManager: manager('pki'),
    userCertificateManager: manager('users'),
    disableDiscovery: is('no-discovery'),
    securityModes: [...none, MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.None, SecurityPolicy.Basic256Sha256, SecurityPolicy.Aes128_Sha256_RsaOaep, SecurityPolicy.Aes256_Sha256_RsaPss],
    allowAnonymous: true,
    userManager: { isValidUser: (user, password) => user === 'reader' && password === 'secret' },
    buildInfo: { productName: 'Node test', manufacturerName: 'Example Works', softwareVersion: '7.8.9', buildNumber: '42' }
  })
  await server.initialize()
  const space = server.engine.addressSpace
  const own = space.getOwnNamespace()
  const di = space.getNamespaceIndex('http://opcfoundation.org/UA/DI/')
  const set = space.findNode(`ns=${di};i=5001`)
  const device = own.addObject({ browseName: 'Drive 1', componentOf: set })
  for (const [name, value] of [['Manufacturer', 'Example Works'], ['Model', 'PX-1'], ['SerialNumber', 'SN-4711'], ['HardwareRevision', 'A2'], ['SoftwareRevision', '1.0']]) {
    own.addVariable({ browseName: { name, namespaceIndex: di }, propertyOf: device, dataType: name === 'Model' || name === 'Manufacturer' ? 'LocalizedText' : 'String',
      value: name === 'Model' || name === 'Manufacturer' ? { dataType: 'LocalizedText', value: { text: value } } : { dataType: 'String', value } })
  }
  await server.start()
  fs.writeFileSync(path.join(dir, 'server.der'), [].concat(server.getCertificate())[0])
  console.log('ready')
}

main().catch((e) => { console.error(e); process.exit(1) })

// graphene-pk11 (over pkcs11js): the slot from Node.js. Results are compared with node's own crypto.
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const graphene = require(process.argv[2] + "/graphene-pk11");

const data = crypto.randomBytes(1000);
const module_ = graphene.Module.load(process.env.MODULE, "Craton");
module_.initialize();
const slot = module_.getSlots(0);
const session = slot.open(graphene.SessionFlag.SERIAL_SESSION | graphene.SessionFlag.RW_SESSION);
let failed = false;

function check(what, story) {
	try {
		story();
		console.log("ok: " + what);
	} catch (error) {
		failed = true;
		console.log("FAILED: " + what + ": " + error.stack);
	}
}

const rsaPublic = (key) => {
	const { modulus, publicExponent } = key.getAttribute({ modulus: null, publicExponent: null });
	return crypto.createPublicKey({ format: "jwk", key: { kty: "RSA", n: modulus.toString("base64url"), e: publicExponent.toString("base64url") } });
};

check("slot, token and mechanisms are told of", () => {
	assert.equal(slot.getToken().label.trim(), process.env.TOKEN);
	assert(slot.getMechanisms().length > 20);
});

check("login, and a wrong PIN", () => {
	assert.throws(() => session.login(process.env.PIN + "0"), /CKR_PIN_INCORRECT/);
	session.login(process.env.PIN);
});

check("an RSA key pair signs, in one call and in parts, and decrypts", () => {
	const keys = session.generateKeyPair(graphene.KeyGenMechanism.RSA,
		{ keyType: graphene.KeyType.RSA, modulusBits: 2048, publicExponent: Buffer.from([1, 0, 1]), token: true, verify: true, encrypt: true, label: "node-rsa" },
		{ keyType: graphene.KeyType.RSA, token: true, sign: true, decrypt: true, private: true, label: "node-rsa" });
	const key = rsaPublic(keys.publicKey);
	const whole = session.createSign("SHA256_RSA_PKCS", keys.privateKey).once(data);
	assert(crypto.verify("sha256", data, key, whole));
	const parts = session.createSign("SHA256_RSA_PKCS", keys.privateKey);
	parts.update(data.subarray(0, 100));
	parts.update(data.subarray(100));
	assert(whole.equals(parts.final()));
	const pss = { name: "SHA256_RSA_PKCS_PSS", params: new graphene.RsaPssParams(graphene.MechanismEnum.SHA256, graphene.RsaMgf.MGF1_SHA256, 32) };
	assert(crypto.verify("sha256", data, { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
		session.createSign(pss, keys.privateKey).once(data)));
	const secret = crypto.publicEncrypt({ key, padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha1" }, Buffer.from("short"));
	const oaep = { name: "RSA_PKCS_OAEP", params: new graphene.RsaOaepParams() };
	assert.equal(session.createDecipher(oaep, keys.privateKey).once(secret, Buffer.alloc(256)).toString(), "short");
});

check("what is in the token is found, changed and destroyed", () => {
	const found = session.find({ label: "node-rsa" });
	assert.equal(found.length, 2);
	found.items(0).setAttribute({ label: "node-renamed" });
	assert.equal(session.find({ label: "node-rsa" }).length, 1);
	found.items(0).destroy();
	found.items(1).destroy();
	assert.equal(session.find({ label: "node-renamed" }).length, 0);
});

check("an EC key pair signs", () => {
	const keys = session.generateKeyPair(graphene.KeyGenMechanism.ECDSA,
		{ keyType: graphene.KeyType.ECDSA, token: false, verify: true, paramsECDSA: graphene.NamedCurve.getByName("secp256r1").value },
		{ keyType: graphene.KeyType.ECDSA, token: false, sign: true, derive: true });
	const hash = crypto.createHash("sha256").update(data).digest();
	const signature = session.createSign("ECDSA", keys.privateKey).once(hash);
	const point = keys.publicKey.getAttribute({ pointEC: null }).pointEC.subarray(3);
	const key = crypto.createPublicKey({ format: "jwk", key: { kty: "EC", crv: "P-256", x: point.subarray(0, 32).toString("base64url"),
		y: point.subarray(32).toString("base64url") } });
	assert(crypto.verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature));
	const other = crypto.createECDH("prime256v1");
	const shared = session.deriveKey({ name: "ECDH1_DERIVE", params: new graphene.EcdhParams(graphene.EcKdf.NULL, null, other.generateKeys()) },
		keys.privateKey, { class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.GENERIC_SECRET, token: false, sensitive: false,
			extractable: true, valueLen: 32 });
	assert(shared.getAttribute({ value: null }).value.equals(other.computeSecret(Buffer.concat([Buffer.from([4]), point]))));
});

check("AES enciphers, wraps and unwraps", () => {
	const make = () => session.generateKey(graphene.KeyGenMechanism.AES, { class: graphene.ObjectClass.SECRET_KEY, token: false, valueLen: 32,
		keyType: graphene.KeyType.AES, encrypt: true, decrypt: true, wrap: true, unwrap: true, extractable: true, sensitive: false });
	const key = make(), kek = make();
	const value = key.getAttribute({ value: null }).value;
	const iv = crypto.randomBytes(16);
	const cipher = crypto.createCipheriv("aes-256-cbc", value, iv);
	const expected = Buffer.concat([cipher.update(data), cipher.final()]);
	const ours = session.createCipher({ name: "AES_CBC_PAD", params: iv }, key);
	assert(Buffer.concat([ours.update(data.subarray(0, 500)), ours.update(data.subarray(500)), ours.final()]).equals(expected));
	const back = session.createDecipher({ name: "AES_CBC_PAD", params: iv }, key);
	assert(Buffer.concat([back.update(expected), back.final()]).equals(data));
	const wrapped = session.wrapKey("AES_KEY_WRAP", kek, key);
	const again = session.unwrapKey("AES_KEY_WRAP", kek, wrapped, { class: graphene.ObjectClass.SECRET_KEY, keyType: graphene.KeyType.AES,
		token: false, extractable: true, sensitive: false });
	assert(again.getAttribute({ value: null }).value.equals(value));
});

check("digest and random bytes", () => {
	assert(session.createDigest("sha256").once(data).equals(crypto.createHash("sha256").update(data).digest()));
	assert(!session.generateRandom(32).equals(Buffer.alloc(32)));
});

session.logout();
session.close();
module_.finalize();
process.exit(failed ? 1 : 0);

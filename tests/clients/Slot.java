/* What Java's own classes do with keys in the slot, through SunPKCS11: each result is compared with the same made by another provider. */

import java.security.*;
import java.security.cert.Certificate;
import java.util.Arrays;
import javax.crypto.*;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;

public class Slot {
	interface Story { boolean isTrue() throws Exception; }

	static Provider slot;
	static char[] pin;
	static byte[] data = new byte[100000];
	static boolean failed;

	static void check(String what, Story story) {
		try {
			if (story.isTrue()) {
				System.out.println("ok: Java: " + what);
				return;
			}
			System.out.println("FAILED: Java: " + what);
		} catch (Exception e) {
			System.out.println("FAILED: Java: " + what + ": " + e + (e.getCause() == null ? "" : " because " + e.getCause()));
		}
		failed = true;
	}

	static KeyStore keys() throws Exception {
		KeyStore store = KeyStore.getInstance("PKCS11", slot);
		store.load(null, pin);
		return store;
	}

	static boolean signs(String alias, String algorithm) throws Exception {
		PrivateKey key = (PrivateKey) keys().getKey(alias, null);
		Certificate certificate = keys().getCertificate(alias);
		Signature signature = Signature.getInstance(algorithm, slot);
		signature.initSign(key);
		signature.update(data);
		byte[] signed = signature.sign();
		Signature judge = Signature.getInstance(algorithm); /* the certificate's key is nobody's: another provider takes it */
		judge.initVerify(KeyFactory.getInstance(key.getAlgorithm(), key.getAlgorithm().equals("RSA") ? "SunRsaSign" : "SunEC")
			.generatePublic(new java.security.spec.X509EncodedKeySpec(certificate.getPublicKey().getEncoded())));
		judge.update(data);
		return judge.verify(signed) && !key.getClass().getName().contains("Impl") && key.getEncoded() == null;
	}

	static boolean decrypts(String alias) throws Exception {
		byte[] message = Arrays.copyOf(data, 48);
		PublicKey key = KeyFactory.getInstance("RSA", "SunRsaSign").generatePublic(
			new java.security.spec.X509EncodedKeySpec(keys().getCertificate(alias).getPublicKey().getEncoded()));
		Cipher there = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
		there.init(Cipher.ENCRYPT_MODE, key);
		Cipher here = Cipher.getInstance("RSA/ECB/PKCS1Padding", slot);
		here.init(Cipher.DECRYPT_MODE, keys().getKey(alias, null));
		return Arrays.equals(here.doFinal(there.doFinal(message)), message);
	}

	/* A key that both have: imported into the slot as a session object. */
	static boolean enciphers(String transformation, java.security.spec.AlgorithmParameterSpec parameter) throws Exception {
		SecretKeySpec value = new SecretKeySpec(data, 0, 32, "AES");
		SecretKey key = SecretKeyFactory.getInstance("AES", slot).translateKey(value);
		Cipher here = Cipher.getInstance(transformation, slot), there = Cipher.getInstance(transformation, "SunJCE");
		here.init(Cipher.ENCRYPT_MODE, key, parameter);
		there.init(Cipher.ENCRYPT_MODE, value, parameter);
		byte[] ours = here.doFinal(data), theirs = there.doFinal(data);
		here.init(Cipher.DECRYPT_MODE, key, parameter);
		return Arrays.equals(ours, theirs) && Arrays.equals(here.doFinal(ours), data);
	}

	static boolean makesAndKeepsAKey() throws Exception {
		KeyGenerator generator = KeyGenerator.getInstance("AES", slot);
		generator.init(256);
		SecretKey key = generator.generateKey();
		KeyStore store = keys();
		store.setKeyEntry("java-aes", key, null, null);
		SecretKey kept = (SecretKey) keys().getKey("java-aes", null);
		IvParameterSpec iv = new IvParameterSpec(data, 0, 16);
		Cipher first = Cipher.getInstance("AES/CBC/PKCS5Padding", slot), second = Cipher.getInstance("AES/CBC/PKCS5Padding", slot);
		first.init(Cipher.ENCRYPT_MODE, key, iv);
		second.init(Cipher.DECRYPT_MODE, kept, iv);
		boolean same = Arrays.equals(second.doFinal(first.doFinal(data)), data);
		store.deleteEntry("java-aes");
		return same && !keys().containsAlias("java-aes");
	}

	static boolean authenticates() throws Exception {
		SecretKeySpec value = new SecretKeySpec(data, 0, 32, "HmacSHA256");
		Mac here = Mac.getInstance("HmacSHA256", slot), there = Mac.getInstance("HmacSHA256", "SunJCE");
		here.init(value);
		there.init(value);
		return Arrays.equals(here.doFinal(data), there.doFinal(data));
	}

	static boolean agrees() throws Exception {
		KeyPairGenerator ours = KeyPairGenerator.getInstance("EC", slot), theirs = KeyPairGenerator.getInstance("EC", "SunEC");
		ours.initialize(new java.security.spec.ECGenParameterSpec("secp256r1"));
		theirs.initialize(new java.security.spec.ECGenParameterSpec("secp256r1"));
		KeyPair our = ours.generateKeyPair(), their = theirs.generateKeyPair();
		KeyAgreement here = KeyAgreement.getInstance("ECDH", slot), there = KeyAgreement.getInstance("ECDH", "SunEC");
		here.init(our.getPrivate());
		there.init(their.getPrivate());
		here.doPhase(their.getPublic(), true);
		there.doPhase(KeyFactory.getInstance("EC", "SunEC").generatePublic(
			new java.security.spec.X509EncodedKeySpec(our.getPublic().getEncoded())), true);
		return Arrays.equals(here.generateSecret(), there.generateSecret());
	}

	static boolean hashes() throws Exception {
		return Arrays.equals(MessageDigest.getInstance("SHA-256", slot).digest(data), MessageDigest.getInstance("SHA-256", "SUN").digest(data));
	}

	static boolean refusesAWrongPin() throws Exception {
		((AuthProvider) slot).logout();
		try {
			KeyStore.getInstance("PKCS11", slot).load(null, "wrong-pin".toCharArray());
		} catch (java.io.IOException expected) {
			return expected.getCause() instanceof UnrecoverableKeyException;
		}
		return false;
	}

	public static void main(String[] arguments) throws Exception {
		slot = Security.getProvider("SunPKCS11").configure(arguments[0]);
		Security.addProvider(slot);
		pin = System.getenv("PIN").toCharArray();
		new java.util.Random(7).nextBytes(data);
		check("an RSA key signs", () -> signs("java-rsa", "SHA256withRSA"));
		check("an EC key signs", () -> signs("java-ec", "SHA256withECDSA"));
		check("an RSA key decrypts", () -> decrypts("java-rsa"));
		check("AES in CBC mode", () -> enciphers("AES/CBC/PKCS5Padding", new IvParameterSpec(data, 0, 16)));
		check("AES in GCM mode", () -> enciphers("AES/GCM/NoPadding", new GCMParameterSpec(128, data, 0, 12)));
		check("AES in CTR mode", () -> enciphers("AES/CTR/NoPadding", new IvParameterSpec(data, 0, 16)));
		check("an AES key is made, kept in the key store and deleted", () -> makesAndKeepsAKey());
		check("HMAC", () -> authenticates());
		check("ECDH", () -> agrees());
		check("a digest", () -> hashes());
		check("random bytes", () -> {
			byte[] random = new byte[32];
			SecureRandom.getInstance("PKCS11", slot).nextBytes(random);
			return !Arrays.equals(random, new byte[32]);
		});
		check("a wrong PIN is refused", () -> refusesAWrongPin());
		System.exit(failed ? 1 : 0);
	}
}
